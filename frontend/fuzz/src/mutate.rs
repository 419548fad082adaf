//! Mutations of inputs, the same ones in every run.

/// Largest input that is made, in bytes.
const MAX_INPUT: usize = 64 << 10;

/// Marsaglia's xorshift64: <https://www.jstatsoft.org/article/view/v008i14>.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers that depend on `seed` alone.
    pub fn new(seed: u64) -> Self {
        // Zero would stay zero.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`; 0 when that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let number = usize::try_from(self.next_u64() >> 33).unwrap_or_default();
        number.checked_rem(limit).unwrap_or_default()
    }

    fn byte(&mut self) -> u8 {
        self.next_u64().to_be_bytes()[0]
    }

    /// One of `items`, which are some.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Lengths at which parsers slip: around what fits into a byte, a varint and the limit on messages.
const LENGTHS: [u32; 10] =
    [0, 1, 0x7f, 0x80, 0xff, 0x3fff, 16 << 20, (16 << 20) + 1, 0x7fff_ffff, 0xffff_ffff];

/// One of `seeds` after a few mutations.
pub fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = random.pick(seeds).clone();
    for _ in 0..=random.below(4) {
        mutate(&mut input, seeds, random);
    }
    input.truncate(MAX_INPUT);
    input
}

fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    match random.below(9) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.byte();
            }
        }
        2 => input.insert(at, random.byte()),
        3 => input.truncate(at),
        4 => {
            let end = at + random.below(input.len() - at + 1).min(16);
            input.drain(at..end);
        }
        // A part again, at the same place or another.
        5 => {
            let end = at + random.below(input.len() - at + 1).min(64);
            let part = input[at..end].to_vec();
            let to = random.below(input.len() + 1);
            input.splice(to..to, part);
        }
        // Another seed's end.
        6 => {
            let other = random.pick(seeds);
            let from = random.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        // A length of four bytes, as gRPC has it.
        7 => overwrite(input, at, &random.pick(&LENGTHS).to_be_bytes()),
        // A length as a varint, as protobuf has it.
        _ => {
            let mut varint = Vec::new();
            prost::encoding::encode_varint(u64::from(*random.pick(&LENGTHS)), &mut varint);
            overwrite(input, at, &varint);
        }
    }
}

fn overwrite(input: &mut Vec<u8>, at: usize, with: &[u8]) {
    let end = (at + with.len()).min(input.len());
    input.splice(at..end, with.iter().copied());
}
