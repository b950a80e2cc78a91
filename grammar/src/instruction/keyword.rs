//! The keywords.

/// What an instruction begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keyword {
    /// `ADD`
    Add,
    /// `ARG`
    Arg,
    /// `CMD`
    Cmd,
    /// `COPY`
    Copy,
    /// `ENTRYPOINT`
    Entrypoint,
    /// `ENV`
    Env,
    /// `EXPOSE`
    Expose,
    /// `FROM`
    From,
    /// `HEALTHCHECK`
    Healthcheck,
    /// `LABEL`
    Label,
    /// `MAINTAINER`
    Maintainer,
    /// `ONBUILD`
    Onbuild,
    /// `RUN`
    Run,
    /// `SHELL`
    Shell,
    /// `STOPSIGNAL`
    Stopsignal,
    /// `USER`
    User,
    /// `VOLUME`
    Volume,
    /// `WORKDIR`
    Workdir,
}

impl Keyword {
    /// All of them.
    pub const ALL: [Keyword; 18] = [
        Keyword::Add,
        Keyword::Arg,
        Keyword::Cmd,
        Keyword::Copy,
        Keyword::Entrypoint,
        Keyword::Env,
        Keyword::Expose,
        Keyword::From,
        Keyword::Healthcheck,
        Keyword::Label,
        Keyword::Maintainer,
        Keyword::Onbuild,
        Keyword::Run,
        Keyword::Shell,
        Keyword::Stopsignal,
        Keyword::User,
        Keyword::Volume,
        Keyword::Workdir,
    ];

    /// The keyword that a word is, in any case.
    pub fn of(word: &str) -> Option<Keyword> {
        if word.is_ascii() {
            return Keyword::ALL
                .into_iter()
                .find(|keyword| word.eq_ignore_ascii_case(keyword.name()));
        }
        // Some letters beyond ASCII have an ASCII letter as their lower case.
        let word = word.to_lowercase().to_uppercase();
        Keyword::ALL.into_iter().find(|keyword| word == keyword.name())
    }

    /// How an instruction with it looks.
    pub(crate) fn form(self) -> &'static str {
        match self {
            Keyword::Add => "ADD SOURCE... DESTINATION",
            Keyword::Arg => "ARG NAME=DEFAULT",
            Keyword::Cmd => r#"CMD ["program", "argument"]"#,
            Keyword::Copy => "COPY SOURCE... DESTINATION",
            Keyword::Entrypoint => r#"ENTRYPOINT ["program", "argument"]"#,
            Keyword::Env => "ENV NAME=VALUE",
            Keyword::Expose => "EXPOSE PORT",
            Keyword::From => "FROM IMAGE",
            Keyword::Healthcheck => "HEALTHCHECK CMD COMMAND",
            Keyword::Label => "LABEL NAME=VALUE",
            Keyword::Maintainer => "MAINTAINER NAME",
            Keyword::Onbuild => "ONBUILD INSTRUCTION",
            Keyword::Run => "RUN COMMAND",
            Keyword::Shell => r#"SHELL ["program", "argument"]"#,
            Keyword::Stopsignal => "STOPSIGNAL SIGNAL",
            Keyword::User => "USER NAME",
            Keyword::Volume => "VOLUME PATH",
            Keyword::Workdir => "WORKDIR PATH",
        }
    }

    /// In upper case.
    pub fn name(self) -> &'static str {
        match self {
            Keyword::Add => "ADD",
            Keyword::Arg => "ARG",
            Keyword::Cmd => "CMD",
            Keyword::Copy => "COPY",
            Keyword::Entrypoint => "ENTRYPOINT",
            Keyword::Env => "ENV",
            Keyword::Expose => "EXPOSE",
            Keyword::From => "FROM",
            Keyword::Healthcheck => "HEALTHCHECK",
            Keyword::Label => "LABEL",
            Keyword::Maintainer => "MAINTAINER",
            Keyword::Onbuild => "ONBUILD",
            Keyword::Run => "RUN",
            Keyword::Shell => "SHELL",
            Keyword::Stopsignal => "STOPSIGNAL",
            Keyword::User => "USER",
            Keyword::Volume => "VOLUME",
            Keyword::Workdir => "WORKDIR",
        }
    }
}
