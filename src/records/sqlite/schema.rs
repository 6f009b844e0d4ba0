//! The tables of a database (`sqlite_schema`), and the names of their columns, from the text that made them.

use super::value::Value;
use super::{Database, Tally, Unread};

/// A table that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The page that its tree begins at.
    pub root: u32,
    /// The names of its columns, in the order in which they are stored.
    pub columns: Vec<String>,
    /// The column that is the row id, and is stored as NULL.
    pub row_id: Option<usize>,
}

impl Table {
    /// Where a column stands; names are compared without regard to case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }

    /// The value in a column of that name; NULL if there is none.
    pub fn get<'v>(&self, row_id: i64, values: &[Value<'v>], name: &str) -> Value<'v> {
        match self.column(name) {
            Some(at) if self.row_id == Some(at) => Value::Integer(row_id),
            Some(at) => values.get(at).copied().unwrap_or(Value::Null),
            None => Value::Null,
        }
    }
}

impl Database<'_> {
    /// The table of this name; names are compared without regard to case.
    pub fn table(&self, name: &'static str) -> Result<Table, Unread> {
        let mut found = None;
        let mut tally = Tally::default();
        self.rows(1, &mut tally, &mut |row| {
            let [Value::Text(kind), Value::Text(called), _, Value::Integer(root), Value::Text(sql), ..] =
                row.values.as_slice()
            else {
                return;
            };
            let is = |text: &[u8], word: &str| self.text(text).eq_ignore_ascii_case(word.as_bytes());
            if is(kind, "table") && is(called, name) && found.is_none() {
                found = Some((u32::try_from(*root).ok(), self.text(sql).into_owned()));
            }
        });
        let (root, sql) = found.ok_or(Unread::NoTable(name))?;
        let unsupported = Unread::Unsupported(name);
        parse(root.ok_or(unsupported.clone())?, &String::from_utf8_lossy(&sql)).ok_or(unsupported)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(char),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(own) if own.eq_ignore_ascii_case(word))
    }

    fn name(&self) -> Option<&str> {
        match self {
            Token::Word(name) | Token::Quoted(name) => Some(name),
            Token::Sign(_) => None,
        }
    }
}

/// `CREATE TABLE name(column type …, …) …`; none if it is something else, or WITHOUT ROWID.
fn parse(root: u32, sql: &str) -> Option<Table> {
    let tokens = tokens(sql);
    let open = tokens.iter().position(|token| *token == Token::Sign('('))?;
    let mut parts: Vec<Vec<&Token>> = vec![Vec::new()];
    let mut depth = 1;
    let mut rest = tokens.iter().skip(open + 1);
    for token in rest.by_ref() {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth -= 1,
            Token::Sign(',') if depth == 1 => {
                parts.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        parts.last_mut()?.push(token);
    }
    if depth > 0 || rest.any(|token| token.is("WITHOUT")) {
        return None;
    }
    let mut table = Table { root, columns: Vec::new(), row_id: None };
    let mut integers = Vec::new();
    for part in &parts {
        let first = part.first()?;
        let limits = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
        if limits.iter().any(|word| first.is(word)) {
            table.row_id = table.row_id.or_else(|| row_id_of(part, &table, &integers));
            continue;
        }
        let integer = part.get(1).is_some_and(|kind| kind.is("INTEGER"))
            && !part.get(2).is_some_and(|more| *more == &Token::Sign('('));
        let key = part.windows(2).position(|pair| matches!(pair, [a, b] if a.is("PRIMARY") && b.is("KEY")));
        let descends = key.is_some_and(|at| part.get(at + 2).is_some_and(|word| word.is("DESC")));
        if integer {
            integers.push(table.columns.len());
            if key.is_some() && !descends {
                table.row_id = Some(table.columns.len());
            }
        }
        table.columns.push(first.name()?.to_owned());
    }
    Some(table)
}

/// `PRIMARY KEY(column)` at the end of a definition, where the column is an INTEGER.
fn row_id_of(part: &[&Token], table: &Table, integers: &[usize]) -> Option<usize> {
    let at = part.iter().position(|token| token.is("PRIMARY"))?;
    let [open, column, close] = part.get(at + 2..at + 5)? else { return None };
    let bare = **open == Token::Sign('(') && **close == Token::Sign(')');
    let column = table.column(column.name()?)?;
    (bare && integers.contains(&column)).then_some(column)
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '-' if chars.peek() == Some(&'-') => while chars.next().is_some_and(|c| c != '\n') {},
            '/' if chars.peek() == Some(&'*') => {
                chars.next();
                let mut before = ' ';
                for c in chars.by_ref() {
                    if (before, c) == ('*', '/') {
                        break;
                    }
                    before = c;
                }
            }
            '"' | '`' | '\'' | '[' => {
                let end = if c == '[' { ']' } else { c };
                let mut name = String::new();
                while let Some(c) = chars.next() {
                    if c == end {
                        // Doubled, it stands for itself.
                        if end == ']' || chars.next_if_eq(&end).is_none() {
                            break;
                        }
                    }
                    name.push(c);
                }
                tokens.push(Token::Quoted(name));
            }
            c if c.is_alphanumeric() || c == '_' || !c.is_ascii() => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_' || *c == '$') {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
            sign => tokens.push(Token::Sign(sign)),
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_however_the_table_was_made() {
        let wtmp = "CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, Login INTEGER, \
                    Logout INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT) STRICT";
        let table = parse(2, wtmp).unwrap();
        assert_eq!((table.row_id, table.column("remotehost"), table.columns.len()), (Some(0), Some(6), 8));
        let odd = "CREATE TABLE \"a(b\" ( -- a comment, with (\n [My Col] DECIMAL(10,2) DEFAULT (1+(2)), /* , */ `x``y` \
                   INT PRIMARY KEY, \"ID\" INTEGER, CHECK (ID > 0), PRIMARY KEY (id))";
        let table = parse(2, odd).unwrap();
        assert_eq!(table.columns, ["My Col", "x`y", "ID"]);
        assert_eq!(table.row_id, Some(2));
        assert_eq!(parse(2, "CREATE TABLE t(ID INTEGER PRIMARY KEY DESC)").unwrap().row_id, None);
        assert_eq!(parse(2, "CREATE TABLE t(a TEXT PRIMARY KEY) WITHOUT ROWID"), None);
        assert_eq!(parse(2, "CREATE TABLE t AS SELECT 1"), None);
        assert_eq!(parse(2, "CREATE TABLE t(a, b"), None);
    }
}
