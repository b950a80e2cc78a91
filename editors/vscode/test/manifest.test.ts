// What package.json promises: commands that exist, settings and commands that are described, exact versions.

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';

import { ROOT } from './binary';
import { editor } from './editor';

const text = (name: string) => fs.readFileSync(path.join(ROOT, name), 'utf8');
const manifest = JSON.parse(text('package.json'));

test('every command is there and described', async () => {
    const extension = require(path.join(ROOT, manifest.main));
    await extension.activate({ subscriptions: [] });
    const declared = manifest.contributes.commands.map((it: { command: string }) => it.command);
    assert.deepEqual([...editor.commands.keys()].sort(), [...declared].sort());
    await extension.deactivate();
    for (const { category, title } of manifest.contributes.commands) {
        assert.ok(text('README.md').includes(`**${category}: ${title}**`), title);
    }
});

test('every setting is described', () => {
    for (const name of Object.keys(manifest.contributes.configuration.properties)) {
        assert.ok(text('README.md').includes(`| \`${name}\` |`), name);
    }
});

test('versions are exact, and the lock names no registry', () => {
    for (const version of Object.values({ ...manifest.dependencies, ...manifest.devDependencies })) {
        assert.match(String(version), /^\d+\.\d+\.\d+$/);
    }
    assert.ok(!text('package-lock.json').includes('"resolved"'));
    assert.equal(JSON.parse(text('package-lock.json')).version, manifest.version);
    assert.ok(text('CHANGELOG.md').includes(`## ${manifest.version}`));
});
