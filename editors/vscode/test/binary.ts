// The program under test, and folders for it.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** The root of the extension; tests run in `out/test`. */
export const ROOT = path.resolve(__dirname, '../..');

/** `DFC_BIN`, or else the debug build of this checkout. */
export const BINARY = path.resolve(process.env.DFC_BIN ?? path.join(ROOT, '../../target/debug/dfc'));

/** A fresh folder with files in it; gone when the tests are done. */
export function folder(files: Record<string, string>): string {
    const made = fs.mkdtempSync(path.join(os.tmpdir(), 'dfc-vscode-'));
    process.on('exit', () => fs.rmSync(made, { recursive: true, force: true }));
    for (const [name, text] of Object.entries(files)) {
        fs.writeFileSync(path.join(made, name), text);
    }
    return made;
}

/** Makes a program that prints a text. */
export function printing(text: string): string {
    const file = path.join(folder({ dfc: `#!/bin/sh\necho '${text}'\n` }), 'dfc');
    fs.chmodSync(file, 0o755);
    return file;
}

// A server that does not answer must not keep whoever runs the tests.
setTimeout(() => {
    console.error('The tests take too long.');
    process.exit(1);
}, 240_000).unref();
