//! Lines of text logs whose programs are not understood here: some of these let people in too.

use crate::path::shown;
use crate::records::syslog::Tags;
use crate::term::counted;

/// Programs that are named, those with the most lines.
const NAMED: usize = 20;

/// How many there are, and of which programs; none where there are none.
pub fn other_lines(others: &Tags) -> Option<String> {
    let lines = others.lines();
    let top = others.top(NAMED);
    let named: Vec<String> = top.iter().map(|(tag, count)| format!("{} {count}", shown(tag))).collect();
    let rest = lines - top.iter().map(|(_, count)| count).sum::<u64>();
    let rest = if rest > 0 { format!(", others {rest}") } else { String::new() };
    let words = || {
        let lines = counted(lines, "line");
        format!("{lines} of text logs, of programs that are not understood here: {}{rest}", named.join(", "))
    };
    (lines > 0).then(words)
}
