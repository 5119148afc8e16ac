//! The parts of an expression.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};

/// Its direct parts.
pub fn children(e: &IdedExpr) -> Vec<&IdedExpr> {
    match &e.expr {
        Expr::Call(call) => call.target.iter().map(|t| &**t).chain(&call.args).collect(),
        Expr::Comprehension(inner) => vec![
            &inner.iter_range,
            &inner.accu_init,
            &inner.loop_cond,
            &inner.loop_step,
            &inner.result,
        ],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|one| of_entry(&one.expr))
            .collect(),
        Expr::Struct(all) => all
            .entries
            .iter()
            .flat_map(|one| of_entry(&one.expr))
            .collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
    }
}

fn of_entry(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

/// How deep loops stand within loops.
pub fn loops(e: &IdedExpr) -> usize {
    let below = children(e).into_iter().map(loops).max().unwrap_or(0);
    below + usize::from(matches!(e.expr, Expr::Comprehension(_)))
}
