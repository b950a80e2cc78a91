//! Which images of an index a platform can run, and which it likes best (containerd/platforms, `compare.go`).

use super::Platform;

impl Platform {
    /// Whether an image for `candidate` runs on this platform.
    pub fn matches(&self, candidate: &Platform) -> bool {
        self.rank(candidate).is_some()
    }

    /// How well an image for `candidate` suits this platform: `None` if it does not run on it, 0 for the very same, more
    /// for older variants (arm/v7 runs v6 and v5, amd64 runs 386, arm64 runs 32-bit arm).
    pub fn rank(&self, candidate: &Platform) -> Option<usize> {
        let candidate = candidate.normalized();
        if !self.normalized().runs_system_of(&candidate) {
            return None;
        }
        let machine = (candidate.architecture, candidate.variant.unwrap_or_default());
        self.machines().iter().position(|runs| *runs == machine)
    }

    /// The best of several candidates: by [`Platform::rank`], then the most features, then the first.
    pub fn choose<'a, T>(
        &self,
        candidates: impl IntoIterator<Item = (&'a Platform, T)>,
    ) -> Option<T> {
        candidates
            .into_iter()
            .filter_map(|(candidate, item)| {
                let fewer_features = usize::MAX - candidate.os_features.len();
                Some(((self.rank(candidate)?, fewer_features), item))
            })
            .min_by_key(|(order, _)| *order)
            .map(|(_, item)| item)
    }

    /// Both are in normal form.
    fn runs_system_of(&self, candidate: &Platform) -> bool {
        let build = |version: &Option<String>| -> Option<Vec<String>> {
            version.as_ref().map(|text| text.split('.').take(3).map(str::to_owned).collect())
        };
        let same_build = match (build(&self.os_version), build(&candidate.os_version)) {
            (Some(own), Some(other)) => own == other,
            (None, _) | (_, None) => true,
        };
        self.os == candidate.os
            && (self.os != "windows" || same_build)
            && candidate.os_features.iter().all(|feature| self.os_features.contains(feature))
    }

    /// Architectures and variants that run here, best first, in normal form.
    fn machines(&self) -> Vec<(String, String)> {
        let own = self.normalized();
        let variant = own.variant.unwrap_or_default();
        let number = variant.strip_prefix('v').and_then(|number| number.parse::<u32>().ok());
        let older = |architecture: &str, from: u32, to: u32| -> Vec<(String, String)> {
            let machine = |version| (architecture.to_owned(), format!("v{version}"));
            (to..from).rev().map(machine).collect()
        };
        let mut machines = vec![(own.architecture.clone(), variant.clone())];
        match own.architecture.as_str() {
            "amd64" => {
                // v1 is what an amd64 without variant is.
                machines.extend(older("amd64", number.unwrap_or(1).min(16), 2));
                if number.is_some() {
                    machines.push(("amd64".to_owned(), String::new()));
                }
                machines.push(("386".to_owned(), String::new()));
            }
            "arm" => machines.extend(older("arm", number.unwrap_or(0).min(16), 5)),
            "arm64" => {
                machines = arm64_variants(&variant);
                if !machines.is_empty() {
                    machines.extend(older("arm", 9, 5));
                }
            }
            _ => {}
        }
        machines
    }
}

/// 64-bit Arm: v9.N runs all to v9 and v8.(N+5), v8.N all to v8. Empty for a variant that nobody knows.
fn arm64_variants(variant: &str) -> Vec<(String, String)> {
    let Some((major, minor)) = arm64_version(variant) else { return Vec::new() };
    let named = |major: u32, minor: u32| match (major, minor) {
        (8, 0) => String::new(), // the normal form of v8
        (_, 0) => format!("v{major}"),
        (_, _) => format!("v{major}.{minor}"),
    };
    let down_from = |major, minor| (0..=minor).rev().map(move |minor| named(major, minor));
    let variants: Vec<String> = match major {
        9 => down_from(9, minor).chain(down_from(8, minor + 5)).collect(),
        _ => down_from(8, minor).collect(),
    };
    variants.into_iter().map(|variant| ("arm64".to_owned(), variant)).collect()
}

fn arm64_version(variant: &str) -> Option<(u32, u32)> {
    let variant = if variant.is_empty() { "v8" } else { variant };
    let numbers = variant.strip_prefix('v')?;
    let (major, minor) = numbers.split_once('.').unwrap_or((numbers, "0"));
    match (major, minor.parse::<u32>().ok()?) {
        ("8", minor @ 0..=9) => Some((8, minor)),
        ("9", minor @ 0..=7) => Some((9, minor)),
        _ => None,
    }
}
