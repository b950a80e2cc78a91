//! `--output`: where the result of a build goes.

use std::path::PathBuf;

use oci::manifest::Compression;

use crate::error::CliError;
use crate::options::csv;

/// One place the result goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// An OCI image layout, as an archive or (`tar=false`) as a folder.
    Oci(Archive),
    /// What `docker load` reads.
    Docker(Archive),
    /// The tree of the image as one tar.
    Tar(Dest),
    /// The tree of the image as files in a folder.
    Local(PathBuf),
    /// The local store, under the names of `--tag`.
    Image,
}

/// An image archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archive {
    /// Where to.
    pub(crate) dest: Dest,
    /// Whether it is a folder and no tar.
    pub(crate) folder: bool,
    /// Names beside those of `--tag`.
    pub(crate) names: Vec<String>,
}

/// Where a stream of bytes goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dest {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

/// All places, and how layers are packed for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outputs {
    /// At least one.
    pub(crate) all: Vec<Output>,
    /// `compression=`
    pub(crate) compression: Option<Compression>,
    /// Whether the image is handed to a running docker or podman.
    pub(crate) load: bool,
    /// Whether the image is sent to registries.
    pub(crate) push: bool,
    /// Whether an output was asked for that needs all layers of the image here.
    needs_layers: bool,
}

impl Outputs {
    /// Reads the values of `--output`. Without any, the image goes to the local store. A push takes the image from there.
    ///
    /// # Errors
    /// A type or an option that does not exist, a destination that is missing, standard output used twice.
    pub(crate) fn parse(specs: &[String]) -> Result<Outputs, CliError> {
        let mut outputs = Outputs {
            all: Vec::new(),
            compression: None,
            load: false,
            push: false,
            needs_layers: false,
        };
        for spec in specs {
            outputs.add(spec)?;
        }
        outputs.needs_layers = !outputs.all.is_empty();
        let is_image = |output: &Output| matches!(output, Output::Image);
        if outputs.all.is_empty() || (outputs.push && !outputs.all.iter().any(is_image)) {
            outputs.all.push(Output::Image);
        }
        if outputs.all.iter().filter(|output| output.to_stdout()).count() > 1 {
            return Err(CliError::usage("only one --output can go to standard output"));
        }
        Ok(outputs)
    }

    /// Whether a place wants the image with its layers packed.
    pub(crate) fn wants_image(&self) -> bool {
        self.load
            || self.all.iter().any(|output| match output {
                Output::Oci(_) | Output::Docker(_) | Output::Image => true,
                Output::Tar(_) | Output::Local(_) => false,
            })
    }

    /// Whether the image goes to registries and is kept here for its name alone, so that layers which a registry has may
    /// stay there.
    pub(crate) fn only_pushes(&self) -> bool {
        self.push && !self.load && !self.needs_layers
    }

    /// Whether one goes to standard output.
    pub(crate) fn to_stdout(&self) -> bool {
        self.all.iter().any(Output::to_stdout)
    }

    fn add(&mut self, spec: &str) -> Result<(), CliError> {
        if spec == "-" {
            self.all.push(Output::Tar(Dest::Stdout));
            return Ok(());
        }
        if !spec.contains('=') && !spec.contains(',') {
            self.all.push(Output::Local(PathBuf::from(spec)));
            return Ok(());
        }
        let wrong = |why: String| CliError::usage(format!("--output `{spec}`: {why}"));
        let (mut kind, mut dest, mut folder, mut names) = (None, None, false, Vec::new());
        for (name, value) in csv::fields("output", spec)? {
            let value = value.ok_or_else(|| wrong(format!("`{name}` needs a value")))?;
            match name.as_str() {
                "type" => kind = Some(value),
                "dest" => dest = Some(value),
                "name" => names.extend(value.split(',').map(str::to_owned)),
                "push" => self.push |= boolean(&value).ok_or_else(|| wrong(yes_or_no("push")))?,
                "tar" => folder = !boolean(&value).ok_or_else(|| wrong(yes_or_no("tar")))?,
                "compression" => self.compression = Some(compression(&value).map_err(wrong)?),
                _ => return Err(wrong(format!("there is no option `{name}`"))),
            }
        }
        let output = match kind.as_deref() {
            Some("oci") => Output::Oci(archive(dest, folder, names).map_err(wrong)?),
            Some("docker") if dest.is_none() => {
                self.load = true;
                return Ok(());
            }
            Some("docker") => Output::Docker(archive(dest, folder, names).map_err(wrong)?),
            Some("tar") => Output::Tar(Dest::of(dest)),
            Some("local") => match dest {
                Some(dest) if dest != "-" => Output::Local(PathBuf::from(dest)),
                _ => return Err(wrong("a folder is missing (dest=FOLDER)".into())),
            },
            Some("image") => Output::Image,
            Some("registry") => {
                self.push = true;
                return Ok(());
            }
            Some(other) => return Err(wrong(format!("there is no type `{other}`")).help(TYPES)),
            None => return Err(wrong("the type is missing".into()).help(TYPES)),
        };
        self.all.push(output);
        Ok(())
    }
}

const TYPES: &str = "the types are oci, docker, tar, local, image and registry";

impl Output {
    fn to_stdout(&self) -> bool {
        match self {
            Output::Oci(archive) | Output::Docker(archive) => archive.dest == Dest::Stdout,
            Output::Tar(dest) => *dest == Dest::Stdout,
            Output::Local(_) | Output::Image => false,
        }
    }
}

impl Dest {
    /// The destination of `dest=`; standard output if there is none.
    fn of(dest: Option<String>) -> Dest {
        match dest.as_deref() {
            None | Some("-") => Dest::Stdout,
            Some(path) => Dest::File(PathBuf::from(path)),
        }
    }
}

fn archive(dest: Option<String>, folder: bool, names: Vec<String>) -> Result<Archive, String> {
    let dest = Dest::of(dest);
    if folder && dest == Dest::Stdout {
        return Err("tar=false needs a folder (dest=FOLDER)".into());
    }
    Ok(Archive { dest, folder, names })
}

/// Reads the name of a compression.
///
/// # Errors
/// There is none of that name; the text says so.
pub(crate) fn compression(value: &str) -> Result<Compression, String> {
    match value {
        "gzip" => Ok(Compression::Gzip),
        "zstd" => Ok(Compression::Zstd),
        "uncompressed" | "none" => Ok(Compression::None),
        _ => Err(format!("compression is gzip, zstd or uncompressed, not `{value}`")),
    }
}

fn boolean(value: &str) -> Option<bool> {
    match value {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn yes_or_no(name: &str) -> String {
    format!("`{name}` is true or false")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(specs: &[&str]) -> Result<Outputs, CliError> {
        Outputs::parse(&specs.iter().map(|spec| (*spec).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn reads_the_short_forms() {
        assert_eq!(parse(&[]).unwrap().all, [Output::Image]);
        assert_eq!(parse(&["-"]).unwrap().all, [Output::Tar(Dest::Stdout)]);
        assert_eq!(parse(&["out"]).unwrap().all, [Output::Local("out".into())]);
        assert!(parse(&["type=oci"]).unwrap().to_stdout());
        let docker = parse(&["type=docker"]).unwrap();
        assert!(docker.load && docker.wants_image());
        let pushed = parse(&["type=registry"]).unwrap();
        assert!(pushed.push && pushed.all == [Output::Image] && pushed.only_pushes());
        assert!(!parse(&["type=image,push=true"]).unwrap().only_pushes());
        assert!(!parse(&["type=registry", "out"]).unwrap().only_pushes());
    }

    #[test]
    fn refuses_what_cannot_be() {
        for specs in [
            &["type=oci", "-"][..],
            &["type=local"],
            &["type=oci,tar=false"],
            &["type=nope,dest=x"],
            &["dest=x"],
            &["type=oci,compression=lzma"],
            &["type=oci,color=red"],
        ] {
            assert!(parse(specs).is_err(), "{specs:?}");
        }
    }
}
