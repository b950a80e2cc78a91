//! A session in Neovim without a screen: diagnostics, hover, completion, rename.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::Outcome;
use crate::dfc::{self, Dfc, Done};
use crate::scratch;

/// What is typed, by script; it writes what it saw to `seen`.
const SCRIPT: &str = r#"
local seen = {}
vim.cmd('edit Dockerfile')
local id = vim.lsp.start_client({ name = 'dfc', cmd = { vim.env.DFC, 'lsp' }, root_dir = vim.fn.getcwd() })
vim.lsp.buf_attach_client(0, id)
vim.wait(20000, function() return #vim.diagnostic.get(0) > 0 end, 20)
for _, it in ipairs(vim.diagnostic.get(0)) do table.insert(seen, it.message) end
local function ask(method, line, character, more)
  local params = { textDocument = vim.lsp.util.make_text_document_params(), position = { line = line, character = character } }
  for key, value in pairs(more or {}) do params[key] = value end
  local got = vim.lsp.buf_request_sync(0, 'textDocument/' .. method, params, 20000)
  return got and got[id] and got[id].result
end
table.insert(seen, vim.fn.json_encode(ask('hover', 2, 11)))
table.insert(seen, vim.fn.json_encode(ask('completion', 2, 0)))
vim.lsp.util.apply_workspace_edit(ask('rename', 2, 11, { newName = 'WORD' }), 'utf-16')
for _, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do table.insert(seen, line) end
vim.fn.writefile(seen, 'seen')
vim.cmd('qa!')
"#;

/// The session.
pub(super) fn session() -> Outcome {
    let dfc = Dfc::new()?;
    let folder = scratch::fresh("neovim-")?;
    fs::write(
        folder.path().join("Dockerfile"),
        "FROM scratch\nENV NAME=value\nRUN echo $NAME\nRUM x\n",
    )?;
    fs::write(folder.path().join("session.lua"), SCRIPT)?;
    let mut nvim = Command::new("nvim");
    nvim.args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", "luafile session.lua"]);
    nvim.current_dir(folder.path()).env("DFC", dfc::binary()?).env("DFC_HOME", dfc.home());
    nvim.env("XDG_STATE_HOME", folder.path()).env("HOME", folder.path());
    let done = Done::within(nvim, Duration::from_secs(90))?;
    let seen = fs::read_to_string(folder.path().join("seen")).unwrap_or_default();
    for want in [
        "unknown instruction: RUM",
        "`NAME` = `value`",
        "HEALTHCHECK",
        "ENV WORD=value",
        "echo $WORD",
    ] {
        if !seen.contains(want) {
            return Err(format!("no {want:?} in {seen}\n{}", done.stderr).into());
        }
    }
    Ok(())
}
