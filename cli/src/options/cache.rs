//! `--cache-from` and `--cache-to`: where the results of steps are shared with other machines.

use std::path::PathBuf;

use executor::Extent;
use oci::Reference;
use oci::manifest::Compression;

use crate::error::CliError;
use crate::options::csv;
use crate::options::output::compression;

/// A place that a cache is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// An artifact, or an image that holds its own cache.
    Registry(Reference),
    /// An OCI layout folder, and the name in it.
    Folder {
        /// The folder, as it was given.
        path: PathBuf,
        /// The tag in its `index.json`.
        tag: String,
    },
}

/// One `--cache-from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct From {
    /// Where it is.
    pub(crate) place: Place,
    /// What people call it.
    pub(crate) name: String,
}

/// One `--cache-to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct To {
    /// Where to.
    pub(crate) place: Place,
    /// What people call it.
    pub(crate) name: String,
    /// Which steps.
    pub(crate) extent: Extent,
    /// How layers are packed; `None` for as in the image.
    pub(crate) compression: Option<Compression>,
    /// Whether a failure is only a warning.
    pub(crate) ignore_error: bool,
}

impl To {
    /// Whether it goes to a registry.
    pub(crate) fn is_in_registry(&self) -> bool {
        matches!(self.place, Place::Registry(_))
    }
}

/// All `--cache-to`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tos {
    /// The places.
    pub(crate) places: Vec<To>,
    /// Whether the image's config holds a cache.
    pub(crate) inline: bool,
}

const TYPES: &str = "the types are registry, local and inline";
const FROM: &str = "cache-from";
const TO: &str = "cache-to";

/// Reads the values of `--cache-from`.
///
/// # Errors
/// A type or an option that does not exist, or a place that is missing.
pub(crate) fn from(specs: &[String]) -> Result<Vec<From>, CliError> {
    specs.iter().map(|spec| one_from(spec)).collect()
}

fn one_from(spec: &str) -> Result<From, CliError> {
    let fields = Fields::read(FROM, spec)?;
    fields.refuse_but(&["ref", "src", "tag"])?;
    let place = match fields.kind()? {
        Kind::Registry => Place::Registry(fields.reference()?),
        Kind::Local => fields.folder("src")?,
        Kind::Inline => {
            return Err(fields
                .wrong("the cache inside an image is found by the image's name")
                .help("write --cache-from IMAGE"));
        }
    };
    Ok(From { name: name(&place), place })
}

/// Reads the values of `--cache-to`.
///
/// # Errors
/// A type or an option that does not exist, or a place that is missing.
pub(crate) fn to(specs: &[String]) -> Result<Tos, CliError> {
    let mut tos = Tos::default();
    for spec in specs {
        let fields = Fields::read(TO, spec)?;
        fields.refuse_but(&[
            "ref",
            "dest",
            "tag",
            "mode",
            "compression",
            "force-compression",
            "ignore-error",
            "image-manifest",
            "oci-mediatypes",
        ])?;
        // What dfc writes is an OCI manifest in any case.
        for option in ["image-manifest", "oci-mediatypes"] {
            if !fields.boolean(option, true)? {
                return Err(fields.wrong(&format!("`{option}` is always true")));
            }
        }
        fields.boolean("force-compression", true)?;
        let place = match fields.kind()? {
            Kind::Registry => Place::Registry(fields.reference()?),
            Kind::Local => fields.folder("dest")?,
            Kind::Inline => {
                tos.inline = true;
                continue;
            }
        };
        let extent = match fields.value("mode")? {
            None | Some("min") => Extent::Image,
            Some("max") => Extent::All,
            Some(other) => {
                return Err(fields.wrong(&format!("the mode is min or max, not `{other}`")));
            }
        };
        let compression = fields.value("compression")?.map(compression).transpose();
        tos.places.push(To {
            name: name(&place),
            place,
            extent,
            compression: compression.map_err(|why| fields.wrong(&why))?,
            ignore_error: fields.boolean("ignore-error", false)?,
        });
    }
    Ok(tos)
}

fn name(place: &Place) -> String {
    match place {
        Place::Registry(reference) => reference.familiar(),
        Place::Folder { path, .. } => path.display().to_string(),
    }
}

enum Kind {
    Registry,
    Local,
    Inline,
}

/// The fields of one value.
struct Fields<'a> {
    flag: &'static str,
    spec: &'a str,
    fields: Vec<(String, Option<String>)>,
}

impl Fields<'_> {
    fn read<'a>(flag: &'static str, spec: &'a str) -> Result<Fields<'a>, CliError> {
        let fields = match spec.contains(['=', ',']) {
            true => csv::fields(flag, spec)?,
            // The name of an image alone.
            false => vec![
                ("type".to_owned(), Some("registry".to_owned())),
                ("ref".to_owned(), Some(spec.to_owned())),
            ],
        };
        Ok(Fields { flag, spec, fields })
    }

    fn wrong(&self, why: &str) -> CliError {
        CliError::usage(format!("--{} `{}`: {why}", self.flag, self.spec))
    }

    fn refuse_but(&self, known: &[&str]) -> Result<(), CliError> {
        let is_known = |name: &str| name == "type" || known.contains(&name);
        self.kind()?;
        match self.fields.iter().find(|(name, _)| !is_known(name)) {
            Some((name, _)) => Err(self.wrong(&format!("there is no option `{name}`"))),
            None => Ok(()),
        }
    }

    fn value(&self, name: &str) -> Result<Option<&str>, CliError> {
        match self.fields.iter().rfind(|(known, _)| known == name) {
            None => Ok(None),
            Some((_, Some(value))) => Ok(Some(value)),
            Some((_, None)) => Err(self.wrong(&format!("`{name}` needs a value"))),
        }
    }

    fn boolean(&self, name: &str, default: bool) -> Result<bool, CliError> {
        match self.value(name)? {
            None => Ok(default),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(_) => Err(self.wrong(&format!("`{name}` is true or false"))),
        }
    }

    fn kind(&self) -> Result<Kind, CliError> {
        match self.value("type")? {
            Some("registry") => Ok(Kind::Registry),
            Some("local") => Ok(Kind::Local),
            Some("inline") => Ok(Kind::Inline),
            Some(other @ ("gha" | "s3" | "azblob")) => {
                let why = format!("dfc keeps no caches of the type `{other}`");
                Err(self.wrong(&why).help("a registry, or a folder that the CI keeps, serves the same end: type=registry,ref=NAME or type=local"))
            }
            Some(other) => Err(self.wrong(&format!("there is no type `{other}`")).help(TYPES)),
            None => Err(self.wrong("the type is missing").help(TYPES)),
        }
    }

    fn reference(&self) -> Result<Reference, CliError> {
        let text = self.value("ref")?.ok_or_else(|| {
            self.wrong("the name is missing").help("write type=registry,ref=HOST/NAME:TAG")
        })?;
        text.parse().map_err(|error| self.wrong(&format!("`{text}`: {error}")))
    }

    fn folder(&self, option: &str) -> Result<Place, CliError> {
        let path = self.value(option)?.filter(|path| !path.is_empty()).ok_or_else(|| {
            self.wrong("the folder is missing").help(format!("write type=local,{option}=FOLDER"))
        })?;
        let tag = self.value("tag")?.unwrap_or("latest").to_owned();
        Ok(Place::Folder { path: path.into(), tag })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(specs: &[&str]) -> Vec<String> {
        specs.iter().map(|spec| (*spec).to_owned()).collect()
    }

    #[test]
    fn names_alone_are_images() {
        let read = from(&strings(&["team/app:main", "type=registry,ref=r.lan:5000/c"])).unwrap();
        let reference = |text: &str| Place::Registry(Reference::parse(text).unwrap());
        assert_eq!(read[0].place, reference("team/app:main"));
        assert_eq!(read[0].name, "team/app:main");
        assert_eq!(read[1].place, reference("r.lan:5000/c"));
    }

    #[test]
    fn what_buildx_users_write_is_read() {
        let tos = to(&strings(&[
            "type=registry,ref=x/y:c,mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true",
            "type=local,dest=/tmp/c,compression=zstd",
            "type=inline",
        ]))
        .unwrap();
        assert!(tos.inline);
        let [registry, folder] = tos.places.as_slice() else { panic!("{tos:?}") };
        assert_eq!((registry.extent, registry.ignore_error), (Extent::All, true));
        assert_eq!((folder.extent, folder.compression), (Extent::Image, Some(Compression::Zstd)));
        assert_eq!(folder.name, "/tmp/c");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for spec in ["type=gha", "type=inline", "type=registry", "type=local", "src=x", "A:b:c"] {
            assert!(from(&strings(&[spec])).is_err(), "{spec}");
        }
        for spec in ["type=registry,ref=x,mode=all", "type=local,dest=x,color=red", "type=s3,x=y"] {
            assert!(to(&strings(&[spec])).is_err(), "{spec}");
        }
    }
}
