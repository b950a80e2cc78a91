//! The language server, spoken to over standard input and output as an editor does, and by Neovim.

mod checks;
mod client;
mod features;
mod looks;
mod neovim;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::Outcome;
use crate::need::{self, Need};
use client::Client;

const FILE: &str = "ARG VERSION=3\nFROM scratch AS base\nARG VERSION\nENV GREETING=hi-𝄞-$VERSION\nRUN echo $GREETING\n\
                    FROM base AS last\nCOPY --from=base /a /b\nCOPY data.txt /\nRUM x\n";

/// A trial for each question.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("lsp::diagnostics_are_sent_and_follow_the_text", diagnostics),
        Trial::test("lsp::hover_definition_references_rename", symbols),
        Trial::test("lsp::completion", completion),
        Trial::test("lsp::actions_mend_and_skip", actions),
        Trial::test("lsp::ignore_files_are_a_language", ignore),
        Trial::test("lsp::odd_positions_get_an_answer", odd_positions),
        Trial::test("lsp::what_is_no_request_is_refused", refusals),
        Trial::test("lsp::hover_tells_of_everything", features::hover),
        Trial::test("lsp::completion_puts_things_in_place", features::completion),
        Trial::test("lsp::rules_are_left_out_where_asked", features::skips),
        Trial::test("lsp::errors_can_be_repaired", features::repairs),
        Trial::test("lsp::surroundings_count_when_they_change", features::surroundings),
        Trial::test("lsp::says_what_check_says", checks::same_findings),
        Trial::test("lsp::mends_what_check_mends", checks::same_fixes),
        need::trial("lsp::neovim", &[Need::Program("nvim")], neovim::session),
        need::trial("lsp::neovim_formats", &[Need::Program("nvim")], neovim::formatting),
        need::trial("lsp::neovim_colors", &[Need::Neovim(9)], neovim::colors),
        need::trial("lsp::neovim_hints", &[Need::Neovim(10)], neovim::hints),
    ];
    trials.extend(looks::trials());
    trials
}

/// Fails with what was there instead.
fn holds(condition: bool, what: &Value) -> Outcome {
    if condition { Ok(()) } else { Err(Failed::from(what.to_string())) }
}

fn diagnostics() -> Outcome {
    let mut client = Client::start(&["utf-16"])?;
    client.open("Dockerfile", FILE)?;
    let found = client.diagnostics()?;
    holds(found.to_string().contains("unknown instruction: RUM"), &found)?;
    let edit =
        json!({ "start": { "line": 8, "character": 0 }, "end": { "line": 8, "character": 3 } });
    client.change("Dockerfile", &json!([{ "range": edit, "text": "RUN" }]))?;
    let found = client.diagnostics()?;
    holds(!found.to_string().contains("unknown instruction"), &found)?;
    client.stop()
}

fn symbols() -> Outcome {
    let mut client = Client::start(&["utf-16"])?;
    client.open("Dockerfile", FILE)?;
    // Behind a character that takes two units.
    let hover = client.at("hover", 3, 20)?;
    holds(hover.to_string().contains("`VERSION` = `3`"), &hover)?;
    let hover = client.at("hover", 4, 12)?;
    holds(
        hover.to_string().contains("hi-𝄞-3") && hover.to_string().contains("ENV, line 4"),
        &hover,
    )?;
    let hover = client.at("hover", 0, 1)?;
    holds(hover.to_string().contains("--build-arg"), &hover)?;
    let hover = client.at("hover", 7, 7)?;
    holds(hover.to_string().contains("1 file, 5 bytes"), &hover)?;
    let definition = client.at("definition", 6, 13)?;
    holds(definition[0]["range"]["start"] == json!({ "line": 1, "character": 16 }), &definition)?;
    let places = client.at("documentHighlight", 1, 17)?;
    holds(places.as_array().is_some_and(|it| it.len() == 3), &places)?;
    let renamed = client.ask_at("rename", 4, 12, json!({ "newName": "WORD" }))?;
    let edits = renamed["changes"].as_object().and_then(|it| it.values().next()).cloned();
    holds(edits.is_some_and(|it| it.as_array().is_some_and(|it| it.len() == 2)), &renamed)?;
    let refused = client.ask_at("rename", 4, 12, json!({ "newName": "VERSION" }))?;
    holds(refused["code"].is_number(), &refused)?;
    client.stop()
}

fn completion() -> Outcome {
    let mut client = Client::start(&["utf-8"])?;
    for (text, want) in [
        ("FR", "FROM"),
        ("FROM scratch AS one\nFROM ", "one"),
        ("FROM scratch\nCOPY --fr", "--from"),
        ("FROM scratch AS one\nFROM scratch\nCOPY --from=", "one"),
        ("FROM scratch\nRUN --mount=type=ca", "cache"),
        ("FROM scratch\nRUN --mount=type=cache,sh", "sharing"),
        ("FROM scratch\nENV AB=1\nRUN echo \\\n  ${A", "AB"),
        ("FROM scratch\nCOPY da", "data.txt"),
    ] {
        client.open("Dockerfile", text)?;
        let line = text.matches('\n').count();
        let found = client.at("completion", line, 999)?;
        let labels = found.as_array().into_iter().flatten().map(|it| it["label"].as_str());
        holds(labels.into_iter().any(|it| it == Some(want)), &json!([text, want, found]))?;
    }
    client.stop()
}

fn actions() -> Outcome {
    let mut client = Client::start(&["utf-16"])?;
    client.open("Dockerfile", "FROM scratch as base\nRUM x\n")?;
    let range =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 2, "character": 0 } });
    let found =
        client.ask("codeAction", json!({ "range": range, "context": { "diagnostics": [] } }))?;
    let text = found.to_string();
    for want in ["Replace by `RUN`", "Skip FromAsCasing here", "source.fixAll.dfc"] {
        holds(text.contains(want), &found)?;
    }
    client.stop()
}

fn ignore() -> Outcome {
    let mut client = Client::start(&["utf-16"])?;
    client.open(".dockerignore", "# all\n*.txt\nnothing\n[a\n")?;
    let found = client.diagnostics()?;
    let codes: Vec<_> =
        found.as_array().into_iter().flatten().map(|it| it["code"].clone()).collect();
    holds(codes == [json!("unused-pattern"), json!("invalid-ignore-file")], &found)?;
    let hover = client.at("hover", 1, 2)?;
    holds(hover.to_string().contains("data.txt"), &hover)?;
    client.stop()
}

/// Every request at every odd place of files in the middle of an edit: an answer, and no failure inside.
fn odd_positions() -> Outcome {
    let texts = [
        "",
        "\u{feff}FROM",
        "FROM 𝄞\r\nRUN echo \\\r\n  $\r\n",
        "FROM a AS\rCOPY <<E /x\nopen",
        "ENV \"\nRUN ${A:-$",
    ];
    let methods = [
        "hover",
        "completion",
        "definition",
        "documentHighlight",
        "prepareRename",
        "selectionRange",
        "documentSymbol",
        "foldingRange",
        "diagnostic",
        "references",
        "rename",
        "codeAction",
        "formatting",
        "rangeFormatting",
        "onTypeFormatting",
        "semanticTokens/full",
        "semanticTokens/full/delta",
        "semanticTokens/range",
        "documentLink",
        "signatureHelp",
        "inlayHint",
        "prepareCallHierarchy",
    ];
    let mut client = Client::start(&["utf-16"])?;
    for name in ["Dockerfile", ".dockerignore"] {
        for text in texts {
            client.open(name, text)?;
            for (line, character) in
                [(0, 0), (0, 6), (0, 7), (1, 11), (2, 3), (0, 9999), (9999, 9999)]
            {
                let position = json!({ "line": line, "character": character });
                let more = json!({
                    "positions": [position], "newName": "x", "ch": "\n", "previousResultId": "1",
                    "options": { "tabSize": 4, "insertSpaces": true },
                    "context": {
                        "includeDeclaration": true, "diagnostics": [], "triggerKind": 1, "isRetrigger": false,
                    },
                    "range": { "start": position, "end": { "line": 0, "character": 3 } },
                });
                for method in methods {
                    let got = client.ask_at(method, line, character, more.clone())?;
                    // Only what has no name, or one of somebody else's, is refused.
                    let failed = !got["code"].is_null() && !method.ends_with("ename");
                    holds(!failed, &json!([text, method, got]))?;
                }
            }
        }
    }
    client.stop()
}

fn refusals() -> Outcome {
    let mut client = Client::start(&["utf-16"])?;
    let got = client.ask("somethingElse", json!({}))?;
    holds(got["code"] == json!(-32601), &got)?;
    let got = client.ask("hover", json!({ "position": "here" }))?;
    holds(got["code"] == json!(-32602), &got)?;
    let got = client.at("hover", 0, 0)?;
    holds(got.is_null(), &got)?;
    client.stop()
}
