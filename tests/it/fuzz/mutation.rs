//! Mutations of files, binary and text alike.

use losswalk::random::Stream;

/// Numbers at which arithmetic and bounds break, cut to one, two, four or eight bytes.
const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    7,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 40,
    i64::MAX as u64,
    u64::MAX,
];

/// Numbers as text.
const TEXTS: [&str; 16] = [
    "0",
    "-1",
    "1",
    "-0.0",
    "1e308",
    "-1e308",
    "1e-320",
    "1e999",
    "nan",
    "inf",
    "null",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999",
    "[]",
];

/// Makes inputs of seeds.
pub struct Mutator<'a> {
    random: Stream,
    seeds: &'a [Vec<u8>],
    words: Vec<Vec<u8>>,
}

impl<'a> Mutator<'a> {
    /// From seeds and words; the words of the seeds count too.
    pub fn new(seed: u64, seeds: &'a [Vec<u8>], words: &[&str]) -> Self {
        let mut all: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        for seed in seeds {
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.'\"".contains(byte);
            let found = seed.split(|byte| !is_word(byte)).filter(|word| word.len() > 2);
            all.extend(found.take(2000).map(<[u8]>::to_vec));
        }
        all.sort();
        all.dedup();
        all.push(b"x".to_vec());
        Self { random: Stream::epoch_order(seed, 1), seeds, words: all }
    }

    /// A seed, changed in one place or some.
    pub fn mutated(&mut self) -> Vec<u8> {
        let mut bytes = self.seed();
        loop {
            self.mutate(&mut bytes);
            if self.chance(2) {
                return bytes;
            }
        }
    }

    /// True once in so many times.
    pub fn chance(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.random.unit() * end as f64) as usize
    }

    fn seed(&mut self) -> Vec<u8> {
        let index = self.below(self.seeds.len());
        self.seeds[index].clone()
    }

    /// A part of what has so many bytes, short ones as likely as long ones.
    fn part(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = (length - start) as f64 + 1.0;
        start..start + (most.powf(self.random.unit()) as usize - 1).min(length - start)
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let part = self.part(bytes.len());
        match self.below(10) {
            0 if !bytes.is_empty() => {
                let place = self.below(bytes.len());
                bytes[place] ^= 1 << self.below(8);
            }
            1 if !bytes.is_empty() => {
                let place = self.below(bytes.len());
                bytes[place] = self.below(256) as u8;
            }
            2 | 3 => {
                let number = self.number();
                let end = bytes.len().min(part.start + number.len());
                bytes.splice(part.start..end, number);
            }
            4 => bytes.truncate(part.start),
            5 => drop(bytes.drain(part)),
            6 => {
                let copy = bytes[part].to_vec();
                let place = self.below(bytes.len() + 1);
                bytes.splice(place..place, copy);
            }
            7 => {
                let word = self.below(self.words.len());
                bytes.splice(part, self.words[word].clone());
            }
            8 => {
                let other = self.seed();
                let tail = self.below(other.len() + 1);
                bytes.truncate(part.start);
                bytes.extend_from_slice(&other[tail..]);
            }
            _ => self.replace_text_number(bytes, part.start),
        }
    }

    /// A number of one, two, four or eight bytes, either end first.
    fn number(&mut self) -> Vec<u8> {
        let number = NUMBERS[self.below(NUMBERS.len())];
        let mut bytes = number.to_le_bytes()[..1 << self.below(4)].to_vec();
        if self.chance(2) {
            bytes.reverse();
        }
        bytes
    }

    /// Puts another number in place of the first at or behind `from` that is written in digits.
    fn replace_text_number(&mut self, bytes: &mut Vec<u8>, from: usize) {
        let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.e".contains(byte);
        let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit) else { return };
        let start = from + start;
        let length = bytes[start..].iter().take_while(|byte| is_part(byte)).count();
        let text = TEXTS[self.below(TEXTS.len())];
        bytes.splice(start..start + length, text.bytes());
    }
}
