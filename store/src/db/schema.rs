//! The tables, one step per version (`PRAGMA user_version`). A step is never changed once released; a new one is added.

/// What brings a database from version N to N+1, by N.
pub(crate) const STEPS: [&str; 4] = [V1, V2, V3, V4];

/// Digests and keys are blobs of 32 bytes, times are seconds since 1970, durations nanoseconds.
const V1: &str = "
-- A layer. result is null while it is only known by name: its blob was never fetched, or was lost.
CREATE TABLE layer (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    diff_id BLOB UNIQUE,                -- of a layer from outside
    result  BLOB,
    size    INTEGER NOT NULL,
    used    INTEGER NOT NULL
) STRICT;

-- A layer as a blob.
CREATE TABLE packed (
    layer       INTEGER NOT NULL REFERENCES layer (id) ON DELETE CASCADE,
    diff_id     BLOB    NOT NULL,
    blob        BLOB    NOT NULL,
    size        INTEGER NOT NULL,
    compression TEXT    NOT NULL,
    packer      TEXT    NOT NULL,       -- compressor, its version and level; empty if it came from outside
    epoch       INTEGER,
    PRIMARY KEY (layer, blob)
) STRICT;
CREATE INDEX packed_diff_id ON packed (diff_id);

-- A step that was executed, and the layers it made.
CREATE TABLE step (
    id         INTEGER PRIMARY KEY,
    definition BLOB    NOT NULL,
    content    BLOB    NOT NULL,
    result     BLOB    NOT NULL,
    slot       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    duration   INTEGER NOT NULL,
    started    INTEGER NOT NULL,
    used       INTEGER NOT NULL,
    preimage   BLOB    NOT NULL         -- zstd
) STRICT;
CREATE INDEX step_content ON step (content);
CREATE INDEX step_definition ON step (definition, result);
CREATE INDEX step_slot ON step (slot);
CREATE TABLE step_layer (
    step     INTEGER NOT NULL REFERENCES step (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    layer    INTEGER NOT NULL REFERENCES layer (id),
    PRIMARY KEY (step, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX step_layer_layer ON step_layer (layer);

-- An image or an index of several, and the names they have.
CREATE TABLE image (
    manifest   BLOB PRIMARY KEY,
    media_type TEXT NOT NULL,
    config     BLOB,
    platform   TEXT,                    -- JSON
    created    TEXT,
    size       INTEGER NOT NULL,
    added      INTEGER NOT NULL
) STRICT;
CREATE INDEX image_config ON image (config);
CREATE TABLE member (
    parent   BLOB    NOT NULL REFERENCES image (manifest) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    manifest BLOB    NOT NULL,
    PRIMARY KEY (parent, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE tag (
    registry   TEXT NOT NULL,
    repository TEXT NOT NULL,
    tag        TEXT NOT NULL,
    manifest   BLOB NOT NULL REFERENCES image (manifest) ON DELETE CASCADE,
    PRIMARY KEY (registry, repository, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_manifest ON tag (manifest);

-- Finished builds.
CREATE TABLE build (
    id       INTEGER PRIMARY KEY,
    project  TEXT    NOT NULL,
    target   TEXT    NOT NULL,
    started  INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    outcome  TEXT    NOT NULL,
    detail   TEXT    NOT NULL
) STRICT;

-- What is on its way to the disk: struck off by a sync, distrusted after a restart of the machine.
CREATE TABLE unsynced (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,                 -- layer:ID or blob:HEX
    boot TEXT NOT NULL
) STRICT;
";

/// Which record a place in a project stands at now. `step.slot` says where a step ran first; a place may since have come
/// to a step that another place made.
const V2: &str = "
CREATE TABLE place (
    slot TEXT    PRIMARY KEY,
    step INTEGER NOT NULL REFERENCES step (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX place_step ON place (step);
INSERT INTO place SELECT slot, max(id) FROM step GROUP BY slot;
DROP INDEX step_slot;
";

/// Whose content a damaged blob was. A dfc that knows only the versions before may remove what others work with, and so
/// leaves the store alone from here on.
const V3: &str = "
CREATE INDEX packed_blob ON packed (blob);
";

/// Where blocks of layers are that were compressed before ([`crate::blocks`]).
const V4: &str = "
CREATE TABLE block (
    key      BLOB    PRIMARY KEY,       -- blake3 of what went in, by what compressed it
    blob     BLOB    NOT NULL,
    start    INTEGER NOT NULL,          -- bytes
    length   INTEGER NOT NULL,          -- bytes
    checksum BLOB    NOT NULL           -- blake3
) STRICT, WITHOUT ROWID;
CREATE INDEX block_blob ON block (blob);
";
