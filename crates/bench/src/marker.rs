//! The fixed-width mark in the text of every message the load generator sends: which phase it belongs to and when it was sent.
//!
//! Receivers find it by its first bytes without looking at the JSON around it, and a recorded frame can be stamped anew in place.

use memchr::memmem;

const HEAD: &[u8] = b"tsudoi-bench.";
const PHASE_DIGITS: usize = 4;
const STAMP_DIGITS: usize = 17;

/// Length of a mark in bytes; the shortest text that a benchmark can send.
pub(crate) const LENGTH: usize = HEAD.len() + PHASE_DIGITS + 1 + STAMP_DIGITS;

/// A mark as it was found in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    /// Which part of the measurement the message belongs to, so that late ones are not counted in the next.
    pub(crate) phase: u16,
    /// When it was sent, as [`now_nanos`](crate::figures::now_nanos) told it.
    pub(crate) sent_nanos: u64,
}

/// The text of a message: the mark, filled up with letters to `size` bytes.
pub(crate) fn text(marker: Marker, size: usize) -> String {
    let mut text = mark(marker);
    while text.len() < size {
        text.push('x');
    }
    text
}

fn mark(marker: Marker) -> String {
    format!("tsudoi-bench.{:04}.{:017}", marker.phase % 10_000, marker.sent_nanos)
}

/// All marks in a frame with their positions, from front to back.
pub(crate) fn find_all(frame: &[u8]) -> impl Iterator<Item = (usize, Marker)> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + memmem::find(frame.get(from..)?, HEAD)?;
        let marker = read(frame.get(at..at + LENGTH)?)?;
        from = at + LENGTH;
        Some((at, marker))
    })
}

fn read(mark: &[u8]) -> Option<Marker> {
    let (phase, stamp) = mark[HEAD.len()..].split_at(PHASE_DIGITS);
    let phase = u16::try_from(number(phase)?).ok()?;
    Some(Marker { phase, sent_nanos: number(stamp.strip_prefix(b".")?)? })
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))
}

/// Writes `marker` over the mark that begins at `at`.
pub(crate) fn restamp(frame: &mut [u8], at: usize, marker: Marker) {
    frame[at..at + LENGTH].copy_from_slice(mark(marker).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_found() {
        let marker = Marker { phase: 7, sent_nanos: 1_234_567_890 };
        let text = text(marker, 100);
        assert_eq!(text.len(), 100);
        let frame = format!(r#"{{"Text":"{text}"}}{{"Text":"{text}"}}"#);
        let found: Vec<_> = find_all(frame.as_bytes()).collect();
        assert_eq!(found, [(9, marker), (9 + 100 + 11, marker)]);
    }

    #[test]
    fn a_frame_is_stamped_anew_in_place() {
        let mut frame = text(Marker { phase: 1, sent_nanos: 5 }, 0).into_bytes();
        assert_eq!(frame.len(), LENGTH);
        let marker = Marker { phase: 9_999, sent_nanos: 99_999_999_999_999_999 };
        restamp(&mut frame, 0, marker);
        assert_eq!(find_all(&frame).collect::<Vec<_>>(), [(0, marker)]);
    }

    #[test]
    fn broken_marks_are_no_marks() {
        for frame in ["", "tsudoi-bench.", "tsudoi-bench.0001.000000000000000x1", "tsudoi-bench.0001x00000000000000001"]
        {
            assert_eq!(find_all(frame.as_bytes()).count(), 0, "{frame}");
        }
    }
}
