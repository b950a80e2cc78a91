//! Several platforms in one build, and commands of platforms that this machine is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;

use super::same;
use crate::Outcome;
use crate::dfc::Done;
use crate::image::text;
use crate::need::{Need, trial};
use crate::project::Project;

pub(super) fn trials() -> Vec<Trial> {
    let skopeo: &[Need] =
        &[Need::Sandbox, Need::StaticBusybox, Need::Amd64, Need::Program("skopeo")];
    let amd64: &[Need] = &[Need::Sandbox, Need::StaticBusybox, Need::Amd64];
    vec![
        trial("build::platforms::arguments_of_each", amd64, arguments),
        trial("build::platforms::index_in_archive_and_store", amd64, index),
        trial("build::platforms::skopeo_chooses_a_member", skopeo, skopeo_chooses),
        trial("build::platforms::one_folder_each", amd64, folders),
        trial("build::platforms::base_of_each_platform", amd64, bases_of_each),
        trial("build::platforms::program_of_386_runs", amd64, program_of_386),
        Trial::ignorable_test("build::platforms::program_of_another_machine_is_refused", || {
            emulated(false, another_machine_is_refused)
        }),
        Trial::ignorable_test("build::platforms::program_of_another_machine_is_emulated", || {
            emulated(true, another_machine_is_emulated)
        }),
    ]
}

/// A trial for a machine that has, or has not, an emulator of arm64.
fn emulated(wanted: bool, body: fn() -> Outcome) -> Result<Completion, Failed> {
    let needs = [Need::Sandbox, Need::StaticBusybox, Need::Amd64];
    if let Some(reason) = needs.iter().find_map(|need| need.missing()) {
        return Ok(Completion::ignored_with(reason));
    }
    let is_there = fs::read_to_string("/proc/sys/fs/binfmt_misc/qemu-aarch64")
        .is_ok_and(|text| text.starts_with("enabled"));
    match (is_there, wanted) {
        (true, false) => Ok(Completion::ignored_with("needs a machine that cannot run arm64")),
        (false, true) => {
            let reason = "needs an emulator of arm64 in binfmt_misc (Debian: qemu-user-static)";
            Ok(Completion::ignored_with(reason))
        }
        (_, _) => body().map(|()| Completion::Completed),
    }
}

const PLATFORMS: &str = "linux/amd64,linux/arm64/v8,linux/arm,linux/arm/v6,linux/386,linux/s390x,linux/amd64/v2,linux/aarch64";

/// Copied alone, so that nothing has to run.
const COPIED: &str = "\
FROM scratch
ARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT BUILDPLATFORM BUILDOS BUILDARCH BUILDVARIANT
LABEL target=\"$TARGETPLATFORM $TARGETOS $TARGETARCH $TARGETVARIANT\"
LABEL build=\"$BUILDPLATFORM $BUILDOS $BUILDARCH $BUILDVARIANT\"
COPY file /file-$TARGETARCH$TARGETVARIANT
";

/// An OCI layout's documents, by digest.
fn document(project: &Project, digest: &str) -> Result<Value, Failed> {
    let name = digest.trim_start_matches("sha256:");
    let path = project.beside("layout").join("blobs/sha256").join(name);
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// Builds for all platforms; gives the members of the index.
fn members(project: &Project, flags: &[&str]) -> Result<Vec<Value>, Failed> {
    project.file("file", "copied\n")?;
    let output = format!("type=oci,tar=false,dest={}", project.beside("layout").display());
    let mut all = vec!["--platform", PLATFORMS, "-o", &output];
    all.extend(flags);
    project.try_build(&all)?.expect(0)?;
    let top: Value = serde_json::from_slice(&fs::read(project.beside("layout/index.json"))?)?;
    let index = document(project, &text(&top["manifests"][0]["digest"]))?;
    Ok(index["manifests"].as_array().cloned().unwrap_or_default())
}

/// As BuildKit has them: normal forms of what was asked for.
fn arguments() -> Outcome {
    let project = Project::new(COPIED)?;
    let mut found = Vec::new();
    for member in members(&project, &[])? {
        let manifest = document(&project, &text(&member["digest"]))?;
        let config = document(&project, &text(&manifest["config"]["digest"]))?;
        let build = text(&config["config"]["Labels"]["build"]);
        same("build platform", &build.as_str(), &"linux/amd64 linux amd64 ")?;
        let platform = &member["platform"];
        let of = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let names = ["architecture", "variant"];
        let index = names.map(|name| of(&platform[name])).join(" ");
        let own = names.map(|name| of(&config[name])).join(" ");
        same("config", &own, &index)?;
        found.push(format!("{index}: {}", text(&config["config"]["Labels"]["target"])));
    }
    same(
        "platforms",
        &found,
        &[
            "amd64 -: linux/amd64 linux amd64 ",
            "arm64 -: linux/arm64 linux arm64 ",
            "arm v7: linux/arm/v7 linux arm v7",
            "arm v6: linux/arm/v6 linux arm v6",
            "386 -: linux/386 linux 386 ",
            "s390x -: linux/s390x linux s390x ",
            "amd64 v2: linux/amd64/v2 linux amd64 v2",
        ]
        .map(str::to_owned)
        .to_vec(),
    )
}

fn index() -> Outcome {
    let project = Project::new(COPIED)?;
    let iid = project.beside("iid");
    let flags = ["-t", "many:1", "-o", "type=image", "--iidfile", &iid.to_string_lossy()];
    let count = members(&project, &flags)?.len();
    let top: Value = serde_json::from_slice(&fs::read(project.beside("layout/index.json"))?)?;
    same("id", &fs::read_to_string(iid)?, &text(&top["manifests"][0]["digest"]))?;
    same("members", &count, &7)?;
    let inspect = |flags: &[&str]| -> Result<Value, Failed> {
        let done = project.dfc.run([&["inspect"], flags, &["many:1"]].concat())?.expect(0)?;
        Ok(serde_json::from_str::<Value>(&done.stdout)?[0].clone())
    };
    same("shown", &text(&inspect(&[])?["Architecture"]).as_str(), &"amd64")?;
    for (platform, architecture, variant) in
        [("linux/arm64", "arm64", ""), ("linux/arm/v6", "arm", "v6"), ("linux/386", "386", "")]
    {
        let shown = inspect(&["--platform", platform])?;
        same(platform, &text(&shown["Architecture"]).as_str(), &architecture)?;
        same(platform, &shown["Variant"].as_str().unwrap_or_default(), &variant)?;
    }
    let none = project.dfc.run(["inspect", "--platform", "linux/riscv64", "many:1"])?.expect(1)?;
    same("refusal", &none.stderr.contains("linux/riscv64"), &true)
}

fn skopeo_chooses() -> Outcome {
    let project = Project::new(COPIED)?;
    members(&project, &["-t", "many:1"])?;
    let layout = format!("oci:{}", project.beside("layout").display());
    for (architecture, variant, label) in
        [("arm64", "", "linux/arm64 linux arm64 "), ("arm", "v6", "linux/arm/v6 linux arm v6")]
    {
        let mut command = Command::new("skopeo");
        command.args(["--override-arch", architecture]);
        if !variant.is_empty() {
            command.args(["--override-variant", variant]);
        }
        command.args(["inspect", "--config", &layout]);
        let done = Done::from(command.output()?).expect(0)?;
        let config: Value = serde_json::from_str(&done.stdout)?;
        same("chosen", &text(&config["config"]["Labels"]["target"]).as_str(), &label)?;
    }
    Ok(())
}

fn folders() -> Outcome {
    let project = Project::new(COPIED)?;
    project.file("file", "copied\n")?;
    let out = project.beside("out");
    let flag = format!("type=local,dest={}", out.display());
    project.try_build(&["--platform", "linux/arm64,linux/arm/v7", "-o", &flag])?.expect(0)?;
    for file in ["linux_arm64/file-arm64", "linux_arm_v7/file-armv7"] {
        same(file, &fs::read_to_string(out.join(file))?.as_str(), &"copied\n")?;
    }
    let done = project.try_build(&["--platform", "linux/arm64,linux/arm/v7", "-o", "-"])?;
    same("one tar of two", &done.expect(2)?.stderr.contains("one platform"), &true)
}

/// A stage of the machine's own platform works for all targets; the member of an index is taken for each.
fn bases_of_each() -> Outcome {
    let project = Project::new(COPIED)?;
    members(&project, &["-t", "many:1"])?;
    let base = format!("many=oci-layout://{}", project.beside("layout").display());
    project.dockerfile(
        "FROM --platform=$BUILDPLATFORM busybox AS made\nARG TARGETARCH\nRUN echo for $TARGETARCH > /made\n\
         FROM many\nARG TARGETARCH\nARG TARGETVARIANT\nCOPY --from=made /made /made\n\
         COPY --from=many /file-$TARGETARCH$TARGETVARIANT /again\n",
    )?;
    let out = project.beside("out");
    let flag = format!("type=local,dest={}", out.display());
    let platforms = "linux/arm64,linux/s390x,linux/arm/v7";
    project
        .try_build(&["--platform", platforms, "--build-context", &base, "-o", &flag])?
        .expect(0)?;
    for (folder, made, file) in [
        ("linux_arm64", "for arm64\n", "file-arm64"),
        ("linux_s390x", "for s390x\n", "file-s390x"),
        ("linux_arm_v7", "for arm\n", "file-armv7"),
    ] {
        let folder = out.join(folder);
        same("made", &fs::read_to_string(folder.join("made"))?.as_str(), &made)?;
        same("base", &folder.join(file).is_file(), &true)?;
        same("copied", &folder.join("again").is_file(), &true)?;
    }
    let none = project.try_build(&["--platform", "linux/riscv64", "--build-context", &base])?;
    same("refusal", &none.expect(1)?.stderr.contains("linux/riscv64"), &true)
}

/// A program that does nothing but end with a code, for one machine: an ELF header, a segment, and the code.
fn program(bits: u8, machine: u16, code: &[u8]) -> Vec<u8> {
    let long = bits == 64;
    let (header, segment) = if long { (64_u64, 56_u64) } else { (52, 32) };
    let (at, start) = (0x0001_0000_u64, header + segment);
    let mut bytes = vec![0x7f, b'E', b'L', b'F', if long { 2 } else { 1 }, 1, 1];
    bytes.resize(16, 0);
    let word = |bytes: &mut Vec<u8>, value: u64| match long {
        true => bytes.extend(value.to_le_bytes()),
        false => bytes.extend(u32::try_from(value).unwrap_or_default().to_le_bytes()),
    };
    bytes.extend(2_u16.to_le_bytes());
    bytes.extend(machine.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    word(&mut bytes, at + start);
    word(&mut bytes, header);
    word(&mut bytes, 0);
    bytes.extend(0_u32.to_le_bytes());
    for value in [header, segment, 1, 0, 0, 0] {
        bytes.extend(u16::try_from(value).unwrap_or_default().to_le_bytes());
    }
    let size = start + code.len() as u64;
    bytes.extend(1_u32.to_le_bytes());
    if long {
        bytes.extend(5_u32.to_le_bytes());
    }
    for value in [0, at, at, size, size] {
        word(&mut bytes, value);
    }
    if !long {
        bytes.extend(5_u32.to_le_bytes());
    }
    word(&mut bytes, 0x1000);
    bytes.extend(code);
    bytes
}

/// Ends with code 0, or with 7, on arm64: mov x0, #CODE; mov x8, #93; svc #0.
fn for_arm64(code: u32) -> Vec<u8> {
    let words = [0xd280_0000 | (code << 5), 0xd280_0ba8, 0xd400_0001_u32];
    program(64, 183, &words.map(u32::to_le_bytes).concat())
}

fn put(project: &Project, name: &str, bytes: &[u8]) -> Outcome {
    let path = project.context().join(name);
    fs::write(&path, bytes)?;
    Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?)
}

fn program_of_386() -> Outcome {
    let project = Project::new(
        "FROM scratch AS works\nCOPY good /\nRUN [\"/good\"]\nFROM scratch AS fails\nCOPY bad /\nRUN [\"/bad\"]\n",
    )?;
    // mov eax, 1; mov ebx, CODE; int 0x80
    let code = |code: u8| [0xb8, 1, 0, 0, 0, 0xbb, code, 0, 0, 0, 0xcd, 0x80];
    put(&project, "good", &program(32, 3, &code(0)))?;
    put(&project, "bad", &program(32, 3, &code(7)))?;
    project.try_build(&["--platform", "linux/386", "--target", "works"])?.expect(0)?;
    let done = project.try_build(&["--platform", "linux/386"])?.expect(1)?;
    same("code", &done.stderr.contains("exit code: 7"), &true)
}

fn another_machine_is_refused() -> Outcome {
    let project = Project::new("FROM scratch\nCOPY run /\nRUN [\"/run\"]\n")?;
    put(&project, "run", &for_arm64(0))?;
    let done = project.try_build(&["--platform", "linux/arm64"])?.expect(1)?;
    for word in ["programs of linux/arm64", "binfmt_misc", "qemu-user-static", "$BUILDPLATFORM"] {
        same(word, &done.stderr.contains(word), &true)?;
    }
    Ok(())
}

fn another_machine_is_emulated() -> Outcome {
    let project = Project::new(
        "FROM scratch AS works\nCOPY good /\nRUN [\"/good\"]\nFROM scratch AS fails\nCOPY bad /\nRUN [\"/bad\"]\n",
    )?;
    put(&project, "good", &for_arm64(0))?;
    put(&project, "bad", &for_arm64(7))?;
    project.try_build(&["--platform", "linux/arm64", "--target", "works"])?.expect(0)?;
    let done = project.try_build(&["--platform", "linux/arm64"])?.expect(1)?;
    same("code", &done.stderr.contains("exit code: 7"), &true)
}
