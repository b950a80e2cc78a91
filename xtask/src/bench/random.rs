//! Numbers and file contents that look like chance and are the same on every machine.

/// A stream of numbers that its seed determines (splitmix64).
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Bytes of the pool: far more than the window of a compressor, so that files do not shorten one another.
const POOL: usize = 32 << 20;
/// Words of the invented language.
const WORDS: usize = 4096;

/// Where contents are cut from: mostly text, some of it bytes that do not compress; gzip makes about half of it.
#[derive(Debug)]
pub(super) struct Contents(Vec<u8>);

impl Contents {
    pub(super) fn new() -> Contents {
        let mut random = Random::new(6);
        let words: Vec<Vec<u8>> = (0..WORDS).map(|_| word(&mut random)).collect();
        let mut pool = Vec::with_capacity(POOL + 4096);
        while pool.len() < POOL {
            if random.below(8) == 0 {
                (0..64).for_each(|_| pool.extend_from_slice(&random.next().to_le_bytes()));
            } else {
                for _ in 0..64 {
                    pool.extend_from_slice(&words[random.below(WORDS as u64) as usize]);
                    pool.push(b' ');
                }
                pool.push(b'\n');
            }
        }
        pool.truncate(POOL);
        Contents(pool)
    }

    /// `size` bytes; the first of them are the seed's alone, so that no two files are equal.
    pub(super) fn of(&self, seed: u64, size: u64) -> Vec<u8> {
        let mut random = Random::new(seed);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let mut bytes = format!("{seed:016x}\n").into_bytes();
        while bytes.len() < size {
            let start = random.below(POOL as u64) as usize;
            let end = POOL.min(start + (size - bytes.len()).min(16 << 10));
            bytes.extend_from_slice(&self.0[start..end]);
        }
        bytes.truncate(size);
        bytes
    }
}

fn word(random: &mut Random) -> Vec<u8> {
    let length = 3 + random.below(8);
    (0..length).map(|_| b'a' + u8::try_from(random.below(26)).expect("a letter")).collect()
}

/// A fast digest of a file's contents: for comparing trees, not for security.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9fb2_1c65_1e98_df25;
    let mut state = (bytes.len() as u64).wrapping_mul(FACTOR);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in chunks.by_ref() {
        let number = u64::from_le_bytes(chunk.try_into().expect("a chunk of 8"));
        state = (state ^ number).wrapping_mul(FACTOR).rotate_left(29);
    }
    for byte in chunks.remainder() {
        state = (state ^ u64::from(*byte)).wrapping_mul(FACTOR).rotate_left(29);
    }
    state
}
