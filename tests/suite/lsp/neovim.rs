//! Sessions in Neovim without a screen: diagnostics, hover, completion, rename; formatting; and, where it is new enough for
//! them, semantic tokens and inlay hints.

use std::fs;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Failed;

use crate::Outcome;
use crate::dfc::{self, Dfc, Done};
use crate::scratch;

/// What comes first in every session: the server is started, and has said what it can do.
const START: &str = r#"
local seen = {}
vim.cmd('edit Dockerfile')
local config = { name = 'dfc', cmd = { vim.env.DFC, 'lsp' }, root_dir = vim.fn.getcwd() }
local id = vim.lsp.start and vim.lsp.start(config) or vim.lsp.start_client(config)
vim.lsp.buf_attach_client(0, id)
vim.wait(60000, function()
  local client = vim.lsp.get_client_by_id(id)
  return client and client.server_capabilities and next(client.server_capabilities) ~= nil
end, 20)
local function ask(method, params)
  params.textDocument = vim.lsp.util.make_text_document_params()
  local got = vim.lsp.buf_request_sync(0, 'textDocument/' .. method, params, 60000)
  return got and got[id] and got[id].result
end
local function see(...) for _, it in ipairs({ ... }) do table.insert(seen, it) end end
local function lines() see(unpack(vim.api.nvim_buf_get_lines(0, 0, -1, false))) end
"#;

/// What comes last.
const END: &str = r#"
vim.fn.writefile(seen, 'seen')
vim.cmd('qa!')
"#;

const SESSION: &str = r#"
vim.wait(60000, function() return #vim.diagnostic.get(0) > 0 end, 20)
for _, it in ipairs(vim.diagnostic.get(0)) do see(it.message) end
local here = { line = 2, character = 11 }
see(vim.fn.json_encode(ask('hover', { position = here })))
see(vim.fn.json_encode(ask('completion', { position = { line = 2, character = 0 } })))
vim.lsp.util.apply_workspace_edit(ask('rename', { position = here, newName = 'WORD' }), 'utf-16')
lines()
"#;

const FORMATTING: &str = r#"
if vim.lsp.buf.format then
  vim.lsp.buf.format({ timeout_ms = 60000 })
else
  vim.lsp.buf.formatting_sync(nil, 60000)
end
lines()
see(vim.fn.json_encode(ask('semanticTokens/full', {}).data))
local all = { start = { line = 0, character = 0 }, ['end'] = { line = 9, character = 0 } }
for _, hint in ipairs(ask('inlayHint', { range = all })) do see(hint.label) end
"#;

const COLORS: &str = r#"
local function at(line, column) return vim.lsp.semantic_tokens.get_at_pos(0, line, column) or {} end
vim.wait(60000, function() return #at(0, 0) > 0 end, 20)
for _, place in ipairs({ { 0, 0 }, { 0, 6 }, { 1, 4 }, { 2, 12 } }) do
  for _, token in ipairs(at(unpack(place))) do
    see(place[1] .. ' ' .. token.type .. (token.modifiers.declaration and ' declared' or ''))
  end
end
"#;

const HINTS: &str = r#"
vim.lsp.inlay_hint.enable(true, { bufnr = 0 })
vim.wait(60000, function() return #vim.lsp.inlay_hint.get({ bufnr = 0 }) > 0 end, 20)
for _, it in ipairs(vim.lsp.inlay_hint.get({ bufnr = 0 })) do see(it.inlay_hint.label) end
"#;

/// Runs a session over a Dockerfile; gives what it saw.
fn seen(script: &str, dockerfile: &str) -> Result<String, Failed> {
    let dfc = Dfc::new()?;
    let folder = scratch::fresh("neovim-")?;
    fs::write(folder.path().join("Dockerfile"), dockerfile)?;
    fs::write(folder.path().join("session.lua"), format!("{START}{script}{END}"))?;
    let mut nvim = Command::new("nvim");
    nvim.args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", "luafile session.lua"]);
    nvim.current_dir(folder.path()).env("DFC", dfc::binary()?).env("DFC_HOME", dfc.home());
    nvim.env("XDG_STATE_HOME", folder.path()).env("HOME", folder.path());
    let done = Done::within(nvim, Duration::from_secs(240))?;
    let seen = fs::read_to_string(folder.path().join("seen")).unwrap_or_default();
    Ok(format!("{seen}\n{}", done.stderr))
}

fn has(seen: &str, wanted: &[&str]) -> Outcome {
    match wanted.iter().find(|want| !seen.contains(*want)) {
        Some(want) => Err(format!("no {want:?} in {seen}").into()),
        None => Ok(()),
    }
}

/// Diagnostics, hover, completion, rename.
pub(super) fn session() -> Outcome {
    let seen = seen(SESSION, "FROM scratch\nENV NAME=value\nRUN echo $NAME\nRUM x\n")?;
    has(
        &seen,
        &[
            "unknown instruction: RUM",
            "`NAME` = `value`",
            "HEALTHCHECK",
            "ENV WORD=value",
            "echo $WORD",
        ],
    )
}

/// A file is formatted; what else is drawn is asked for by hand.
pub(super) fn formatting() -> Outcome {
    let seen = seen(FORMATTING, "from scratch\nenv 𝄞 a\nENV A=1 \\\nB=2\nuser  $A\n")?;
    has(
        &seen,
        &["FROM scratch\n", "ENV 𝄞=a\n", "\n    B=2\n", "\nUSER $A\n", "[0, 0, 4, 0, 0", "= 1"],
    )
}

/// Semantic tokens as Neovim keeps them for its colors.
pub(super) fn colors() -> Outcome {
    let seen = seen(COLORS, "FROM a AS b\nARG A=1\nRUN echo 𝄞 $A\n")?;
    has(&seen, &["0 keyword\n", "0 type\n", "1 variable declared\n"])
}

/// Inlay hints as Neovim draws them.
pub(super) fn hints() -> Outcome {
    let seen = seen(HINTS, "FROM scratch\nARG A=1\nUSER $A\n")?;
    has(&seen, &["= 1\n"])
}
