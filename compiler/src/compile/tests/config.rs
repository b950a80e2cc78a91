//! Config and history of the image.

use oci::ContainerConfig;

use crate::testing::{TestWorld, built, options};
use crate::world::BuildOptions;

/// History entries behind the base's, a `+` before those with a layer.
fn history(text: &str) -> Vec<String> {
    let (_, target) = built(text, &options());
    let entries = target.config.history.iter().filter(|entry| entry.created_by != "base");
    entries
        .map(|entry| match entry.empty_layer {
            true => entry.created_by.clone(),
            false => format!("+{}", entry.created_by),
        })
        .collect()
}

#[test]
fn history_of_each_instruction() {
    for (instruction, want) in [
        ("ARG A=1 B", "ARG A=1 B"),
        ("ENV A=1 B=\"x y\"", "ENV A=1 B=x y"),
        ("LABEL a=b", "LABEL a=b"),
        ("MAINTAINER me", "MAINTAINER me"),
        ("WORKDIR /w", "+WORKDIR /w"),
        ("WORKDIR /", "WORKDIR /"),
        ("USER u", "USER u"),
        ("EXPOSE 80 53/udp", "EXPOSE [53/udp 80/tcp]"),
        ("VOLUME /v /w", "VOLUME [/v /w]"),
        ("STOPSIGNAL 9", "STOPSIGNAL 9"),
        ("SHELL [\"a\", \"b\"]", "SHELL [a b]"),
        ("CMD [\"a\", \"b c\"]", "CMD [\"a\" \"b c\"]"),
        ("ENTRYPOINT x", "ENTRYPOINT [\"/bin/sh\" \"-c\" \"x\"]"),
        (
            "COPY --chown=1 --chmod=755 --link a b c/",
            "+COPY --chown=1 --chmod=755 a b c/ # buildkit",
        ),
        ("ADD a b", "+ADD a b # buildkit"),
        ("RUN x  y", "+RUN /bin/sh -c x  y # buildkit"),
        ("RUN [\"x\", \"y\"]", "+RUN x y # buildkit"),
        (
            "HEALTHCHECK --interval=90s CMD x",
            "HEALTHCHECK {Test:[CMD-SHELL x] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}",
        ),
    ] {
        assert_eq!(history(&format!("FROM busybox\n{instruction}\n")), [want], "{instruction}");
    }
}

#[test]
fn run_shows_the_arguments_in_scope() {
    let text = "ARG G=g\nFROM busybox\nARG A=1 B\nARG G\nARG A=2\nENV A=3\nRUN x\n";
    let last = history(text).pop().unwrap();
    assert_eq!(last, "+RUN |3 A=3 B= G=g /bin/sh -c x # buildkit");
}

#[test]
fn what_a_base_hands_down() {
    let base = ContainerConfig {
        env: vec!["PATH=/x".into(), "A=base".into()],
        cmd: Some(vec!["base".into()]),
        entrypoint: Some(vec!["entry".into()]),
        working_dir: "/base".into(),
        user: "app".into(),
        ..ContainerConfig::default()
    };
    let world = TestWorld::default().with("base", base);
    let config = |instructions: &str| {
        let compiled = world.compile(&format!("FROM base\n{instructions}\n"), &options());
        compiled.graph.unwrap().targets[0].config.config.clone()
    };
    let kept = config("ENV A=own B=$A");
    assert_eq!(kept.env, ["PATH=/x", "A=own", "B=base"]);
    assert_eq!((kept.working_dir.as_str(), kept.user.as_str()), ("/base", "app"));
    assert_eq!(config("ENTRYPOINT [\"e\"]").cmd, None);
    assert_eq!(config("CMD [\"c\"]\nENTRYPOINT [\"e\"]").cmd, Some(vec!["c".into()]));
    assert_eq!(config("CMD [\"c\"]").entrypoint, Some(vec!["entry".into()]));
    assert_eq!(config("WORKDIR sub/").working_dir, "/base/sub");
    assert_eq!(config("WORKDIR /own/").working_dir, "/own/");
}

#[test]
fn labels_and_platforms_of_the_command_line() {
    let given = BuildOptions {
        labels: [("a".to_owned(), "2".to_owned())].into(),
        platforms: vec!["linux/arm64".parse().unwrap()],
        ..options()
    };
    let (_, target) = built("FROM scratch\nLABEL a=1\n", &given);
    assert_eq!(target.config.config.labels["a"], "2");
    assert_eq!(target.config.architecture, "arm64");
    assert_eq!((target.step, target.layers.len()), (None, 0));
}

#[test]
fn epochs() {
    let given = BuildOptions {
        build_args: [("SOURCE_DATE_EPOCH".to_owned(), "007".to_owned())].into(),
        ..options()
    };
    let (graph, target) = built("FROM busybox\nARG SOURCE_DATE_EPOCH\n", &given);
    assert_eq!(graph.epoch, Some(7));
    assert_eq!(target.config.history[1].created_by, "ARG SOURCE_DATE_EPOCH=7");
}
