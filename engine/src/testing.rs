//! Helpers of the tests.

/// Calls `check` with `count` damaged copies of `seed`: bytes changed, cut off, doubled. Always the same.
pub(crate) fn mutations(seed: &[u8], count: usize, mut check: impl FnMut(&[u8])) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap_or_default() % below.max(1)
    };
    check(b"");
    for _ in 0..count {
        let mut bytes = seed.to_vec();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, u8::try_from(random(256)).unwrap_or_default()),
                2 => bytes.extend_from_within(at..),
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = u8::try_from(random(256)).unwrap_or_default();
                    }
                }
            }
        }
        check(&bytes);
    }
}
