//! Caches of dnf, yum and zypper stay out of layers.

use grammar::{Code, Diagnostic};

use crate::lint::packages::{Package, Packager, package};
use crate::lint::{Cx, Origin, Rule};
use crate::shell::Command;

/// ## What it does
/// Finds a RUN in which `dnf`, `yum`, `microdnf` or `zypper` installs or updates, without `clean all` behind it. Stages that others
/// only copy files out of are left alone.
///
/// ## Why is this bad
/// What is known of the packages stays in the layer, 20 to 200 MB of it, and is out of date tomorrow.
///
/// ## Example
/// ```dockerfile
/// FROM fedora:43
/// RUN dnf install -y curl
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM fedora:43
/// RUN dnf install -y curl && dnf clean all
/// ```
///
/// ## What it does not see
/// What a script removes: if the name of a program in the RUN has "clean" in it, nothing is said. With `--installroot` or a cache
/// mount in `/var/cache`, nothing is said either.
#[derive(Debug)]
pub(super) struct RpmCacheLeftBehind;

const INSTALLS: &[&str] = &[
    "install",
    "in",
    "reinstall",
    "localinstall",
    "groupinstall",
    "update",
    "up",
    "upgrade",
    "dup",
    "dist-upgrade",
    "distro-sync",
    "swap",
    "makecache",
    "refresh",
    "ref",
    "patch",
    "builddep",
];

impl Rule for RpmCacheLeftBehind {
    fn name(&self) -> Code {
        "RpmCacheLeftBehind"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3032", "DL3036", "DL3040"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            if !cx.ships(&stage) {
                continue;
            }
            for run in cx.runs(&stage).iter() {
                let known = || {
                    let found = run.script.commands.iter();
                    found.filter_map(|it| Some((it, rpm(it)?)))
                };
                let Some((command, package)) = known().find(|(_, it)| it.does(INSTALLS)) else {
                    continue;
                };
                let cleans = known().any(|(_, it)| it.does(&["clean", "cc"]));
                let mut folders = ["dnf", "yum", "libdnf5", "zypp", "tdnf"].into_iter();
                let is_kept = |name| {
                    let folder = format!("/var/cache/{name}");
                    run.is_mounted(&folder) || run.removes(&folder)
                };
                if cleans || folders.any(is_kept) || command.flag("", &["installroot"]).is_some() {
                    continue;
                }
                let span = run.words_to(command, package.verb.range.end);
                let clean = match package.packager == Packager::Zypper {
                    true => "zypper clean --all".to_owned(),
                    false => format!("{} clean all", command.program()),
                };
                let message = "what is known of the packages stays in the layer";
                let mut warning = Diagnostic::warning(self.name(), message, span)
                    .help(format!("remove it in the same RUN: `{clean}`"));
                let is_root = command.wrapper("sudo").is_none();
                let title = "remove it at the end of the RUN".to_owned();
                let fix = run.join(cx, title, &clean).filter(|_| is_root);
                warning.fix = fix.map(Box::new);
                cx.warn(run.place, warning);
            }
        }
    }
}

fn rpm(command: &Command) -> Option<Package<'_>> {
    let package = package(command)?;
    matches!(package.packager, Packager::Rpm | Packager::Zypper).then_some(package)
}
