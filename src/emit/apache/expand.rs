//! A clause that looks something up in tables, as one rule for each row.

use super::does::Does;
use super::guard::{Guard, Piece};
use super::list::{Lists, Place};
use crate::emit::Refusal;
use crate::ir::TableId;

/// Rules that one clause may become, a table's rows included.
const MOST: usize = 200_000;

impl Lists<'_> {
    /// A rule for each row of the tables that are looked up, in the order in which nginx takes them.
    ///
    /// # Errors
    /// More rules than anyone would write, or a group that is taken from a table that is looked up elsewhere.
    pub fn expanded(&mut self, place: &Place, does: &Does) -> Result<Vec<(Vec<Guard>, Does)>, Refusal> {
        let mut open = vec![(place.guards.clone(), does.clone())];
        let mut done = Vec::new();
        while let Some((guards, does)) = open.pop() {
            let mut kept = Vec::new();
            let mut never = false;
            for guard in guards {
                match guard.settled() {
                    Some(true) => {}
                    Some(false) => never = true,
                    None => kept.push(guard),
                }
            }
            if never {
                continue;
            }
            let texts = kept.iter().flat_map(Guard::texts).chain(does.text());
            let table = texts.flatten().find_map(|piece| match piece {
                Piece::Table(id) => Some(*id),
                _ => None,
            });
            match table {
                None if has_named(&kept, &does) => {
                    return Err(Refusal::new(
                        "it takes a group of a table's expression that is looked up elsewhere",
                        "write one rule for each row of the `map`",
                    ));
                }
                None => done.push((kept, does)),
                Some(id) => {
                    let mut rows = self.with_rows(id, &kept, &does, &place.names)?;
                    rows.reverse();
                    open.extend(rows);
                }
            }
            if open.len() + done.len() > MOST {
                return Err(format!("it would take more than {MOST} rules").into());
            }
        }
        Ok(done)
    }

    fn with_rows(
        &mut self,
        id: TableId,
        guards: &[Guard],
        does: &Does,
        names: &super::text::Names,
    ) -> Result<Vec<(Vec<Guard>, Does)>, Refusal> {
        let mut out: Vec<(Vec<Guard>, Does)> = Vec::new();
        let mut passed: Vec<Guard> = Vec::new();
        for super::table::Row { guard, value, named } in self.rows(id, names)? {
            let put = |pieces: &mut Vec<Piece>| {
                let filled = |piece| match piece {
                    Piece::Table(other) if other == id => value.clone(),
                    Piece::Named(id) => named.get(&id).cloned().unwrap_or_else(|| vec![piece]),
                    piece => vec![piece],
                };
                *pieces = pieces.drain(..).flat_map(filled).collect();
            };
            let mut own = passed.clone();
            own.extend(guard.clone());
            let mut inner = guards.to_vec();
            inner.iter_mut().flat_map(Guard::texts_mut).for_each(put);
            let mut does = does.clone();
            does.text_mut().into_iter().for_each(put);
            inner.iter_mut().for_each(Guard::tidy);
            let never = inner.iter().any(|guard| guard.settled() == Some(false));
            own.extend(inner);
            if never || !does.ends() {
                // nothing stops a request of this row from reaching the later ones
                passed.extend(guard.map(|guard| Guard { negated: !guard.negated, ..guard }));
            }
            if !never {
                out.push((own, does));
            }
        }
        Ok(out)
    }
}

fn has_named(guards: &[Guard], does: &Does) -> bool {
    let texts = guards.iter().flat_map(Guard::texts).chain(does.text());
    texts.flatten().any(|piece| matches!(piece, Piece::Named(_)))
}
