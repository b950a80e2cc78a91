//! What a store goes through on a real machine: a disk that is full, processes that are killed at any moment, several that
//! work at once, and bytes that change by themselves. The next build works without repair, and nothing half-made is left.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::Outcome;
use crate::dfc::Dfc;
use crate::need::Need;

mod damage;
mod disk;
mod kills;
mod together;

const NEEDS: &[Need] = &[Need::Sandbox, Need::StaticBusybox];

/// Two stages that copy, run, and share a cache mount; some of it takes a moment.
const STAGES: &str = "\
FROM busybox AS one
RUN for i in 1 2 3; do head -c 300000 /dev/urandom > /one$i; sleep 0.05; done
RUN rm /one1 && echo one > /one
FROM busybox AS two
RUN --mount=type=cache,target=/kept for i in 1 2 3; do echo $i >> /kept/count; sleep 0.05; done
COPY copied /two
FROM busybox
COPY --from=one /one /
COPY --from=two /two /
RUN cat /one /two > /both
CMD [\"cat\", \"/both\"]
";

/// A trial for each hardship.
pub(crate) fn trials() -> Vec<Trial> {
    [disk::trials, kills::trials, together::trials, damage::trials]
        .iter()
        .flat_map(|trials| trials())
        .collect()
}

/// The image's command prints `wanted`.
fn says(dfc: &Dfc, image: &str, wanted: &str) -> Outcome {
    let done = dfc.run(["run", image])?.expect(0)?;
    if done.stdout == wanted { Ok(()) } else { Err(format!("it says {:?}", done.stdout).into()) }
}

/// The store's folder for half-made things is empty.
pub(crate) fn nothing_half_made(store: &Path) -> Outcome {
    let left = names(&store.join("tmp"))?;
    if left.is_empty() { Ok(()) } else { Err(format!("left behind: {left:?}").into()) }
}

/// Every blob has the bytes that its name says.
pub(crate) fn blobs_are_true(store: &Path) -> Outcome {
    use sha2::{Digest, Sha256};
    for path in names(&store.join("blobs/sha256"))? {
        let hash = Sha256::digest(fs::read(&path)?);
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        if path.file_name().is_none_or(|name| *name != *hex) {
            return Err(format!("{} has the digest {hex}", path.display()).into());
        }
    }
    Ok(())
}

/// Every image of the store can be written to an archive, whole.
pub(crate) fn images_are_whole(dfc: &Dfc, beside: &Path) -> Outcome {
    let listed = dfc.run(["images", "--quiet", "--all"])?.expect(0)?;
    for id in listed.stdout.lines() {
        let archive = beside.join("whole.tar");
        let args = ["save".as_ref(), "-o".as_ref(), archive.as_os_str(), id.as_ref()];
        dfc.run(args)?.expect(0)?;
    }
    Ok(())
}

/// The paths in a folder, sorted.
fn names(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, Failed>>()?;
    paths.sort();
    Ok(paths)
}

/// Bytes that no compression makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = (0..length / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}

/// A number below `limit` that nobody can foresee.
pub(crate) fn chance(limit: u32) -> u32 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.subsec_micros() % limit)
}
