//! The rules, one file each. A new one is registered in [`RULES`].

mod apk_cache_left_behind;
mod apt_in_script;
mod apt_lists_left_behind;
mod apt_update_alone;
mod cache_mount_not_writable;
mod cd_without_effect;
mod cmd_entrypoint_mismatch;
mod consistent_instruction_casing;
mod copy_all_before_install;
mod copy_ignored_file;
mod deleted_copy;
mod duplicate_stage_name;
mod empty_wildcard;
mod expose_invalid_format;
mod expose_proto_casing;
mod floating_tag;
mod from_as_casing;
mod from_platform_flag_const_disallowed;
mod impossible_healthcheck;
mod install_without_cache_mount;
mod install_without_yes;
mod invalid_base_image_platform;
mod invalid_default_arg_in_from;
mod invalid_definition_description;
mod json_args_recommended;
mod legacy_key_value_format;
mod maintainer_deprecated;
mod missing_source;
mod multiple_instructions_disallowed;
mod no_empty_continuation;
mod npm_cache_left_behind;
mod overwritten_copy;
mod pip_cache_left_behind;
mod pipe_hides_failure;
mod port_zero;
mod recommended_packages;
mod redundant_target_platform;
mod reserved_stage_name;
mod rpm_cache_left_behind;
mod secrets_used_in_arg_or_env;
mod setting_without_effect;
mod shell_form_without_shell;
mod signature_check_off;
mod stage_name_casing;
mod sudo_in_run;
mod tls_verification_off;
mod unconsumed_build_arg;
mod undefined_arg_in_from;
mod undefined_var;
mod unreachable_stage;
mod unused_arg;
mod volatile_variable;
mod workdir_relative_path;
mod written_secret;

use super::Rule;

/// All rules.
pub const RULES: &[&dyn Rule] = &[
    &stage_name_casing::StageNameCasing,
    &from_as_casing::FromAsCasing,
    &no_empty_continuation::NoEmptyContinuation,
    &consistent_instruction_casing::ConsistentInstructionCasing,
    &duplicate_stage_name::DuplicateStageName,
    &reserved_stage_name::ReservedStageName,
    &json_args_recommended::JSONArgsRecommended,
    &maintainer_deprecated::MaintainerDeprecated,
    &undefined_arg_in_from::UndefinedArgInFrom,
    &workdir_relative_path::WorkdirRelativePath,
    &undefined_var::UndefinedVar,
    &multiple_instructions_disallowed::MultipleInstructionsDisallowed,
    &legacy_key_value_format::LegacyKeyValueFormat,
    &invalid_base_image_platform::InvalidBaseImagePlatform,
    &redundant_target_platform::RedundantTargetPlatform,
    &secrets_used_in_arg_or_env::SecretsUsedInArgOrEnv,
    &invalid_default_arg_in_from::InvalidDefaultArgInFrom,
    &from_platform_flag_const_disallowed::FromPlatformFlagConstDisallowed,
    &copy_ignored_file::CopyIgnoredFile,
    &invalid_definition_description::InvalidDefinitionDescription,
    &expose_proto_casing::ExposeProtoCasing,
    &expose_invalid_format::ExposeInvalidFormat,
    &unused_arg::UnusedArg,
    &unconsumed_build_arg::UnconsumedBuildArg,
    &unreachable_stage::UnreachableStage,
    &missing_source::MissingSource,
    &empty_wildcard::EmptyWildcard,
    &copy_all_before_install::CopyAllBeforeInstall,
    &volatile_variable::VolatileVariable,
    &overwritten_copy::OverwrittenCopy,
    &setting_without_effect::SettingWithoutEffect,
    &shell_form_without_shell::ShellFormWithoutShell,
    &floating_tag::FloatingTag,
    &cmd_entrypoint_mismatch::CmdEntrypointMismatch,
    &cache_mount_not_writable::CacheMountNotWritable,
    &port_zero::PortZero,
    &impossible_healthcheck::ImpossibleHealthcheck,
    &apk_cache_left_behind::ApkCacheLeftBehind,
    &apt_in_script::AptInScript,
    &apt_lists_left_behind::AptListsLeftBehind,
    &apt_update_alone::AptUpdateAlone,
    &cd_without_effect::CdWithoutEffect,
    &deleted_copy::DeletedCopy,
    &install_without_cache_mount::InstallWithoutCacheMount,
    &install_without_yes::InstallWithoutYes,
    &npm_cache_left_behind::NpmCacheLeftBehind,
    &pip_cache_left_behind::PipCacheLeftBehind,
    &pipe_hides_failure::PipeHidesFailure,
    &recommended_packages::RecommendedPackages,
    &rpm_cache_left_behind::RpmCacheLeftBehind,
    &signature_check_off::SignatureCheckOff,
    &sudo_in_run::SudoInRun,
    &tls_verification_off::TlsVerificationOff,
    &written_secret::WrittenSecret,
];
