//! Blocks of a JPEG file: a check that all are there, by reading their codes and no pixels.
//!
//! This takes a fraction of the time of decoding. It knows Huffman codes of baseline and extended
//! files, which most are; of others it does not say that they are whole, and neither of odd ones.
//!
//! # References
//! ITU-T T.81, annexes B (markers), C and F (codes).

/// Whether all blocks of all components are there, and then the end.
pub(super) fn are_whole(bytes: &[u8]) -> bool {
    let mut walk = Walk {
        bits: Bits {
            bytes,
            at: 2,
            buffer: 0,
            count: 0,
        },
        codes: [const { [const { None }; 4] }; 2],
        frame: None,
        restart: 0,
        scanned: 0,
    };
    walk.read().is_some()
}

/// Bits of a code that are looked up at once.
const FAST: u32 = 9;

/// A Huffman code.
struct Code {
    /// Symbol and length of each short code, by the bits from it on; a length of 0 for long ones.
    fast: Vec<(u8, u8)>,
    /// Of each length, the first code that is not of it, aligned to 16 bits, and what added to a
    /// code gives the place of its symbol.
    ends: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl Code {
    fn new(counts: &[u8], symbols: &[u8]) -> Self {
        let mut code = Self {
            fast: vec![(0, 0); 1 << FAST],
            ends: [(0, 0); 17],
            symbols: symbols.to_vec(),
        };
        let (mut next, mut place) = (0_u32, 0_usize);
        for len in 1..=16_u32 {
            let count = u32::from(counts[len as usize - 1]);
            code.ends[len as usize] = ((next + count) << (16 - len), place as i32 - next as i32);
            for at in 0..count {
                let Some(&symbol) = symbols.get(place) else {
                    return code;
                };
                place += 1;
                if len <= FAST {
                    let first = ((next + at) as usize) << (FAST - len);
                    let same = code.fast.iter_mut().skip(first).take(1 << (FAST - len));
                    same.for_each(|entry| *entry = (symbol, len as u8));
                }
            }
            next = (next + count) << 1;
        }
        code
    }

    /// Symbol and length of the code that these 16 bits begin with.
    fn symbol(&self, bits: u32) -> Option<(u8, u32)> {
        let (symbol, len) = self.fast[(bits >> (16 - FAST)) as usize];
        if len > 0 {
            return Some((symbol, u32::from(len)));
        }
        let len = (FAST + 1..=16).find(|len| bits < self.ends[*len as usize].0)?;
        let place = (bits >> (16 - len)) as i32 + self.ends[len as usize].1;
        Some((*self.symbols.get(usize::try_from(place).ok()?)?, len))
    }
}

/// The bits between markers.
struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
    /// From the highest bit on.
    buffer: u64,
    count: u32,
}

impl Bits<'_> {
    /// The next 16 bits; zeros behind the last.
    fn peek(&mut self) -> u32 {
        if self.count < 16 {
            self.fill();
        }
        (self.buffer >> 48) as u32
    }

    /// Up to a marker.
    fn fill(&mut self) {
        if let (0..=32, Some(&[a, b, c, d])) = (
            self.count,
            self.bytes.get(self.at..).and_then(<[u8]>::first_chunk),
        ) && ![a, b, c, d].contains(&0xff)
        {
            let word = u64::from(u32::from_be_bytes([a, b, c, d]));
            self.buffer |= word << (32 - self.count);
            self.count += 32;
            self.at += 4;
            return;
        }
        while self.count <= 56 {
            let Some(&byte) = self.bytes.get(self.at) else {
                return;
            };
            if byte == 0xff {
                if self.bytes.get(self.at + 1) != Some(&0) {
                    return;
                }
                self.at += 1;
            }
            self.at += 1;
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// Passes over `len` bits, at most 32, if there are so many.
    fn skip(&mut self, len: u32) -> Option<()> {
        if self.count < len {
            self.fill();
        }
        self.count = self.count.checked_sub(len)?;
        self.buffer <<= len;
        Some(())
    }

    /// The bits that are left fill a byte; what follows is the next marker.
    fn align(&mut self) {
        (self.buffer, self.count) = (0, 0);
    }

    /// The next marker, behind which the reader then stands.
    fn marker(&mut self) -> Option<u8> {
        let rest = self.bytes.get(self.at..)?;
        let first = rest.iter().position(|byte| *byte == 0xff)?;
        let len = rest[first..].iter().position(|byte| *byte != 0xff)?;
        self.at += first + len + 1;
        Some(rest[first + len])
    }

    /// What a marker's segment holds.
    fn segment(&mut self) -> Option<&[u8]> {
        let size = self.bytes.get(self.at..self.at + 2)?;
        let end = self.at + usize::from(u16::from_be_bytes([size[0], size[1]]));
        let segment = self.bytes.get(self.at + 2..end)?;
        self.at = end;
        Some(segment)
    }
}

/// A component of an image.
struct Component {
    id: u8,
    /// Blocks of it in a unit of all components, across and down.
    blocks: (usize, usize),
}

/// The size of an image, and its components.
struct Frame {
    width: usize,
    height: usize,
    components: Vec<Component>,
}

struct Walk<'b> {
    bits: Bits<'b>,
    /// For the first coefficient of a block, and for the others.
    codes: [[Option<Code>; 4]; 2],
    frame: Option<Frame>,
    /// Units from one restart to the next; 0 for none.
    restart: usize,
    /// Components whose blocks were all there.
    scanned: usize,
}

impl Walk<'_> {
    fn read(&mut self) -> Option<()> {
        loop {
            match self.bits.marker()? {
                0xd9 => {
                    let all = self.frame.as_ref()?.components.len();
                    return (self.scanned == all).then_some(());
                }
                0x00 | 0x01 | 0xd0..=0xd8 => {}
                0xc0 | 0xc1 => self.frame()?,
                0xc4 => self.tables()?,
                // Progressive, lossless or arithmetic.
                0xc2..=0xcf => return None,
                0xda => self.scan()?,
                0xdd => {
                    let interval = self.bits.segment()?;
                    self.restart =
                        usize::from(u16::from_be_bytes([*interval.first()?, *interval.get(1)?]));
                }
                _ => {
                    self.bits.segment()?;
                }
            }
        }
    }

    fn frame(&mut self) -> Option<()> {
        let head = self.bits.segment()?;
        let size = |at: usize| {
            Some(usize::from(u16::from_be_bytes([
                *head.get(at)?,
                *head.get(at + 1)?,
            ])))
        };
        let (height, width) = (size(1)?, size(3)?);
        let component = |part: &[u8]| {
            let blocks = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            let id = part[0];
            Component { id, blocks }
        };
        let components: Vec<Component> = head.get(6..)?.chunks_exact(3).map(component).collect();
        let is_usual = |part: &Component| {
            let (across, down) = part.blocks;
            (1..=4).contains(&across) && (1..=4).contains(&down)
        };
        if width * height == 0 || !components.iter().all(is_usual) || self.frame.is_some() {
            return None;
        }
        self.frame = Some(Frame {
            width,
            height,
            components,
        });
        Some(())
    }

    fn tables(&mut self) -> Option<()> {
        let mut rest = self.bits.segment()?;
        while let [place, after @ ..] = rest {
            let (counts, after) = after.split_at_checked(16)?;
            let count = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, after) = after.split_at_checked(count)?;
            let codes = self.codes.get_mut(usize::from(place >> 4))?;
            *codes.get_mut(usize::from(place & 15))? = Some(Code::new(counts, symbols));
            rest = after;
        }
        Some(())
    }

    /// All units of a scan.
    fn scan(&mut self) -> Option<()> {
        let Self { codes, frame, .. } = &*self;
        let frame = frame.as_ref()?;
        // The segment is borrowed from the bytes: a copy of a few of them.
        let mut bits = Bits {
            bytes: self.bits.bytes,
            ..self.bits
        };
        let head = bits.segment()?.to_vec();
        let count = usize::from(*head.first()?);
        let mut blocks: Vec<(usize, [&Code; 2])> = Vec::new();
        let most = |of: fn(&Component) -> usize| frame.components.iter().map(of).max();
        let (across, down) = (most(|part| part.blocks.0)?, most(|part| part.blocks.1)?);
        let mut units = frame.width.div_ceil(8 * across) * frame.height.div_ceil(8 * down);
        for part in head.get(1..1 + 2 * count)?.chunks_exact(2) {
            let component = frame.components.iter().find(|own| own.id == part[0])?;
            let code = |kind: usize, place: u8| codes[kind].get(usize::from(place))?.as_ref();
            let both = [code(0, part[1] >> 4)?, code(1, part[1] & 15)?];
            let (own_across, own_down) = component.blocks;
            if count == 1 {
                // Alone, it has no blocks beyond its own edge.
                let edge = |size: usize, own: usize, all: usize| (size * own).div_ceil(8 * all);
                units = edge(frame.width, own_across, across) * edge(frame.height, own_down, down);
                blocks.push((1, both));
            } else {
                blocks.push((own_across * own_down, both));
            }
        }
        for unit in 0..units {
            if self.restart > 0 && unit > 0 && unit % self.restart == 0 {
                bits.align();
                matches!(bits.marker()?, 0xd0..=0xd7).then_some(())?;
            }
            for (count, codes) in &blocks {
                for _ in 0..*count {
                    block(&mut bits, codes)?;
                }
            }
        }
        bits.align();
        self.bits = bits;
        self.scanned += count;
        Some(())
    }
}

/// Passes over a block's codes.
fn block(bits: &mut Bits<'_>, [first, others]: &[&Code; 2]) -> Option<()> {
    let (size, len) = first.symbol(bits.peek())?;
    bits.skip(len + u32::from(size & 15))?;
    let mut at = 1;
    while at < 64 {
        let (symbol, len) = others.symbol(bits.peek())?;
        let (zeros, size) = (symbol >> 4, u32::from(symbol & 15));
        bits.skip(len + size)?;
        match (zeros, size) {
            (15, 0) => at += 16,
            (_, 0) => break,
            _ => at += usize::from(zeros) + 1,
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::{Rgb, RgbImage};

    #[test]
    fn a_file_is_whole_until_a_byte_of_its_blocks_is_missing() {
        for (width, height) in [(8, 8), (37, 21), (64, 50)] {
            let picture = RgbImage::from_fn(width, height, |x, y| {
                Rgb([(x * 7) as u8, (y * 11) as u8, (x * y) as u8])
            });
            let mut bytes = Vec::new();
            let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
            encoder.encode_image(&picture).unwrap();
            assert!(are_whole(&bytes), "{width} x {height}");
            let scan = bytes.windows(2).position(|pair| pair == [0xff, 0xda]);
            for end in scan.unwrap() + 14..bytes.len() - 2 {
                let cut = [&bytes[..end], &[0xff, 0xd9]].concat();
                assert!(!are_whole(&cut), "{width} x {height}, {end} bytes");
            }
        }
    }
}
