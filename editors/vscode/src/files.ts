// The files that dfc is about.

import type * as vscode from 'vscode';

/** Dockerfiles, and of the files in the language `ignore` those of a build; `.gitignore` is no business of ours. */
export const SELECTOR = [
    { scheme: 'file', language: 'dockerfile' },
    { scheme: 'untitled', language: 'dockerfile' },
    { scheme: 'file', language: 'ignore', pattern: '**/{*,}.{docker,container}ignore' },
];

/** Files whose change may change what is found in others. */
export const WATCHED = '**/{dfc.toml,{*,}.dockerignore,{*,}.containerignore}';

export function isOurs(document: vscode.TextDocument): boolean {
    switch (document.languageId) {
        case 'dockerfile':
            return ['file', 'untitled'].includes(document.uri.scheme);
        case 'ignore':
            return document.uri.scheme === 'file' && /\.(docker|container)ignore$/.test(document.uri.path);
        default:
            return false;
    }
}
