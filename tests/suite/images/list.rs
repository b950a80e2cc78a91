//! `images`, `history`, `inspect`, `builds`: what they show, in which form.

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::{BUILD, filled, lines, said};
use crate::Outcome;
use crate::build::same;
use crate::image::text;
use crate::need::trial;
use crate::project::Project;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("images::list::filters", BUILD, filters),
        trial("images::list::formats", BUILD, formats),
        trial("images::list::shared_layers", BUILD, shared_layers),
        trial("images::list::history", BUILD, history),
        trial("images::list::inspect", BUILD, inspect),
        trial("images::list::builds", BUILD, builds),
    ]
}

/// The names that a call lists, sorted.
fn names(project: &Project, args: &[&str]) -> Result<String, Failed> {
    let all = [&["images", "--format", "{{.Repository}}:{{.Tag}}"], args].concat();
    let mut names = lines(&project.dfc, &all)?;
    names.sort();
    Ok(names.join(" "))
}

fn filters() -> Outcome {
    let project = filled()?;
    for (args, wanted) in [
        (&[][..], "app:1 app:2 base:1 team/app:2"),
        (&["app"], "app:1 app:2"),
        (&["app:2"], "app:2"),
        (&["docker.io/library/app"], "app:1 app:2"),
        (&["a*"], "app:1 app:2"),
        (&["*/*"], "team/app:2"),
        (&["*:1"], "app:1 base:1"),
        (&["nobody"], ""),
        (&["--filter", "reference=b*", "--filter", "reference=*/*"], "base:1 team/app:2"),
        (&["--filter", "label=number"], "app:1 app:2 team/app:2"),
        (&["--filter", "label=number=1"], "app:1"),
        (&["--filter", "label=number=1", "--filter", "label=made"], "app:1"),
        (&["--filter", "label!=number"], "base:1"),
        (&["-f", "since=app:1"], "app:2 team/app:2"),
        (&["-f", "before=app:2", "-f", "label=number"], "app:1"),
        (&["-f", "dangling=true"], ""),
        (&["-f", "dangling=false", "base"], "base:1"),
        (&["-f", "until=24h"], ""),
    ] {
        same(&args.join(" "), &names(&project, args)?.as_str(), &wanted)?;
    }
    project.try_build(&["-t", "app:1"])?.expect(0)?;
    same(
        "a name was taken",
        &names(&project, &["-f", "dangling=true"])?.as_str(),
        &"<none>:<none>",
    )?;
    let wrong = project.dfc.run(["images", "--filter", "lable=x"])?.expect(2)?.stderr;
    same("help", &wrong.contains("label, label!=, dangling"), &true)?;
    project.dfc.run(["images", "--filter", "since=nobody"])?.expect(1)?;
    Ok(())
}

fn formats() -> Outcome {
    let dfc = &filled()?.dfc;
    let ids = lines(dfc, &["images", "-q", "--no-trunc"])?;
    same("each once", &ids.len(), &3)?;
    same("whole", &ids.iter().all(|id| id.len() == 71 && id.starts_with("sha256:")), &true)?;
    let table = lines(dfc, &["images", "--digests", "base"])?;
    let head: Vec<&str> = table[0].split_whitespace().collect();
    same("head", &head.join(" ").as_str(), &"REPOSITORY TAG DIGEST IMAGE ID CREATED SIZE")?;
    same("digest", &table[1].contains("sha256:"), &true)?;
    let own =
        lines(dfc, &["images", "--format", r"table {{.Tag}}\t{{upper .Repository}}", "base"])?;
    same("own table", &own.join("|").as_str(), &"TAG   REPOSITORY|1     BASE")?;
    let row: Value = serde_json::from_str(&said(dfc, &["images", "--format", "json", "app:1"])?)?;
    for (field, wanted) in [("Repository", "app"), ("Tag", "1"), ("Containers", "N/A")] {
        same(field, &text(&row[field]).as_str(), &wanted)?;
    }
    same("labels", &row["Labels"]["number"], &Value::from("1"))?;
    let again = said(dfc, &["images", "--format", "{{json .}}", "app:1"])?;
    same("json", &serde_json::from_str::<Value>(&again)?, &row)?;
    let error = dfc.run(["images", "--format", "{{.Shade}}"])?.expect(2)?.stderr;
    same("fields are named", &error.contains(".CreatedSince"), &true)?;
    for words in [&["image", "build"][..], &["buildx", "build"], &["builder", "du"]] {
        dfc.run([words, &["--help"]].concat())?.expect(0)?;
    }
    let alias = lines(dfc, &["image", "ls", "-q", "base"])?;
    same("image ls", &alias, &lines(dfc, &["ls", "-q", "base"])?)
}

fn shared_layers() -> Outcome {
    let dfc = &filled()?.dfc;
    let tree = lines(dfc, &["images", "--tree"])?;
    let tail = |line: &str| line.split("  ● ").nth(1).unwrap_or_default().to_owned();
    let shown: Vec<String> = tree.iter().map(|line| tail(line)).collect();
    same("base", &(tree[0].contains("shared by 3") && shown[0].starts_with("base:1 (")), &true)?;
    same("first", &(tree[1].starts_with("└─ ") && shown[1].starts_with("app:1 (")), &true)?;
    let third = tree[2].starts_with("   └─ ") && shown[2].starts_with("app:2, team/app:2 (");
    same("second", &third, &true)?;
    same("sum", &tree[4].starts_with("3 layers in 3 images: "), &true)?;
    let dot = said(dfc, &["images", "--dot"])?;
    same("dot", &(dot.starts_with("digraph") && dot.contains("label=\"base:1\"")), &true)
}

fn history() -> Outcome {
    let dfc = &filled()?.dfc;
    let table = lines(dfc, &["history", "app:2"])?;
    let head: Vec<&str> = table[0].split_whitespace().collect();
    same("head", &head.join(" ").as_str(), &"IMAGE CREATED CREATED BY SIZE COMMENT")?;
    same("first", &table[1].contains("CMD [\"cat\" \"/two\"]"), &true)?;
    let rest = table[2..].iter().all(|line| line.starts_with("<missing>"));
    same("the others", &rest, &true)?;
    let exact = ["history", "--human=false", "--no-trunc", "--format"];
    let sizes = lines(dfc, &[&exact[..], &["{{.Size}} {{.CreatedAt}}", "app:2"]].concat())?;
    same("bytes", &sizes[1].starts_with("0 20"), &true)?;
    same("a file of four bytes", &sizes[2].starts_with("4 20"), &true)?;
    same("a moment", &sizes[2].ends_with('Z'), &true)?;
    let ids = lines(dfc, &["history", "-q", "app:2"])?;
    same("ids", &ids[0], &lines(dfc, &["images", "-q", "app:2"])?[0])?;
    same("missing", &ids[1].as_str(), &"<missing>")?;
    dfc.run(["history", "nobody"])?.expect(1)?;
    Ok(())
}

fn inspect() -> Outcome {
    let dfc = &filled()?.dfc;
    let found: Value = serde_json::from_str(&said(dfc, &["inspect", "app:1", "team/app:2"])?)?;
    let image = &found[1];
    for field in [
        "Id",
        "RepoTags",
        "RepoDigests",
        "Parent",
        "Comment",
        "Created",
        "Container",
        "ContainerConfig",
        "DockerVersion",
        "Author",
        "Config",
        "Architecture",
        "Os",
        "Size",
        "VirtualSize",
        "GraphDriver",
        "RootFS",
        "Metadata",
    ] {
        same(field, &image.get(field).is_some(), &true)?;
    }
    same("names", &image["RepoTags"].to_string().as_str(), &r#"["app:2","team/app:2"]"#)?;
    // What is asked for one platform is not answered with another.
    for command in ["inspect", "history", "export", "save"] {
        let said = dfc.run([command, "--platform=linux/s390x", "app:1"])?.expect(1)?.stderr;
        same(command, &said.contains("image `app:1` is not for linux/s390x"), &true)?;
    }
    for (template, wanted) in [
        ("{{json .Config.Cmd}}", r#"["cat","/two"]"#),
        ("{{.Config.Cmd}} {{.Config.Entrypoint}}", "[cat /two] []"),
        ("{{index .RepoTags 1}}", "team/app:2"),
        (r#"{{index .Config.Labels "number"}} {{.Config.Labels.made}}"#, "2 yes"),
        ("{{len .RootFS.Layers}} {{.Os}}/{{.RootFS.Type}}", "3 linux/layers"),
        ("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "made=yes;number=2;"),
        ("{{if .Config.ExposedPorts}}ports{{else}}none{{end}}", "none"),
    ] {
        same(template, &said(dfc, &["inspect", "-f", template, "app:2"])?.as_str(), &wanted)?;
    }
    let layers =
        lines(dfc, &["inspect", "-f", "{{range .RootFS.Layers}}{{println .}}{{end}}", "app:2"])?;
    same("layers", &layers.iter().filter(|line| line.starts_with("sha256:")).count(), &3)?;
    let some = dfc.run(["inspect", "-f", "{{.Os}}", "nobody", "app:1", "app:2"])?.expect(1)?;
    same("the others are shown", &some.stdout.as_str(), &"linux\nlinux\n")?;
    same("the one is named", &some.stderr.contains("`nobody`"), &true)?;
    let none = dfc.run(["inspect", "nobody"])?.expect(1)?;
    same("nothing", &none.stdout.as_str(), &"[]\n")?;
    let error = dfc.run(["inspect", "-f", "{{.Config.Envs}}", "app:1"])?.expect(2)?.stderr;
    same("a field that is none", &error.contains("no field .Envs; there are "), &true)
}

fn builds() -> Outcome {
    let project =
        Project::new("FROM busybox AS first\nRUN echo a > /a\nFROM busybox\nRUN exit 3\n")?;
    project.try_build(&["-t", "it:1", "--target", "first"])?.expect(0)?;
    project.try_build(&["--target", "first"])?.expect(0)?;
    project.try_build(&[])?.expect(1)?;
    let format = "{{.Target}}|{{.Cached}} of {{.Steps}}|{{.Names}}|{{.Result}}";
    let told = lines(&project.dfc, &["builds", "--format", format])?;
    same("how many", &told.len(), &3)?;
    same("failed", &told[0].contains("exit code: 3"), &true)?;
    let steps = |line: &str| line.split('|').nth(1).unwrap_or_default().to_owned();
    same("cached", &told[1].starts_with("first|2 of 2||done"), &true)?;
    same("ran", &(steps(&told[2]) == "1 of 2" && told[2].ends_with("|it:1|done")), &true)?;
    let file = said(&project.dfc, &["builds", "-n", "1", "--format", "{{.File}}"])?;
    same("file", &file, &project.context().join("Dockerfile").canonicalize()?.display().to_string())
}
