//! The timeline as a table for people, as CSV and as JSON Lines.

use super::rows::{Column, Row};
use crate::custody::rows::timeline::FactRow;

impl Row for FactRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column { name: "time", width: 30 },
        Column { name: "what", width: 24 },
        Column { name: "user", width: 12 },
        Column { name: "address", width: 15 },
        Column { name: "words", width: 80 },
        Column { name: "path", width: 40 },
        Column { name: "auid", width: 6 },
        Column { name: "pid", width: 7 },
        Column { name: "source", width: 13 },
        Column { name: "entry", width: 6 },
        Column { name: "offset", width: 8 },
        Column { name: "quality", width: 10 },
        Column { name: "labels", width: 10 },
    ];

    fn cells(&self) -> Vec<String> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let number = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
        vec![
            // What no calendar holds is told in seconds, as the key sorts it.
            self.unix.map_or_else(|| self.time.to_string(), |seconds| format!("@{seconds}")),
            self.what.to_owned(),
            text(&self.user),
            text(&self.address),
            self.words.to_owned(),
            text(&self.path),
            number(self.auid),
            number(self.pid),
            self.source.to_owned(),
            self.entry.map_or_else(String::new, |entry| entry.to_string()),
            self.offset.to_string(),
            self.quality.to_owned(),
            self.labels.join(" "),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::custody::entry::EntryId;
    use crate::report::rows::{Form, Printer};
    use crate::view::events::{At, Fact};
    use crate::view::timeline;

    #[test]
    fn a_fact_in_every_form() {
        let at = At { entry: Some(EntryId(9)), offset: 40 };
        let fact = Fact {
            user: b"=cmd|' /C calc'!A0".to_vec(),
            auid: Some(1000),
            ..Fact::new(Timestamp::from_unix(0, 5), "login.failed", "did not let in", "text", at)
        };
        let printed = |form, fact: &Fact| {
            let (mut printer, mut out) = (Printer::new(form, FactRow::COLUMNS), Vec::new());
            printer.row(&timeline::row(fact).unwrap(), &mut out).unwrap();
            printer.end::<FactRow<'_>>(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            printed(Form::Csv, &fact),
            "time,what,user,address,words,path,auid,pid,source,entry,offset,quality,labels\r\n\
             1970-01-01T00:00:00.000000005Z,login.failed,\"'=cmd|' /C calc'!A0\",\"\",\"did not let in\",\"\",1000,\"\",text,\
             000009,40,exact,\"\"\r\n"
        );
        assert!(printed(Form::Jsonl, &fact).starts_with("{\"auid\":1000,\"entry\":\"000009\","));
        let far = Fact { beyond: Some(i64::MAX), ..fact };
        assert!(
            printed(Form::Table, &far).contains("\n@9223372036854775807"),
            "{}",
            printed(Form::Table, &far)
        );
    }
}
