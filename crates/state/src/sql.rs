//! A statement that is put together: values are always bound, never written into the text.

use sqlx::any::AnyArguments;
use sqlx::{Any, Arguments as _, Encode, Type};

use crate::open::one_more;
use crate::{Error, Paging};

/// A statement under way.
pub(crate) struct Sql<'q> {
    text: String,
    values: AnyArguments<'q>,
    is_filtered: bool,
}

impl<'q> Sql<'q> {
    pub fn new(text: &str) -> Self {
        Sql {
            text: text.to_owned(),
            values: AnyArguments::default(),
            is_filtered: false,
        }
    }

    /// Text of ours: never anything from outside.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// `WHERE` before the first condition, `AND` before the others.
    pub fn filter(&mut self) -> &mut Self {
        let word = if self.is_filtered { " AND " } else { " WHERE " };
        self.is_filtered = true;
        self.push(word)
    }

    /// A value in this place.
    pub fn bind<T>(&mut self, value: T) -> Result<&mut Self, Error>
    where
        T: 'q + Encode<'q, Any> + Type<Any>,
    {
        self.values.add(value).map_err(|error| Error::Sql {
            what: "bind a value",
            source: sqlx::Error::Encode(error),
        })?;
        let place = format!("${}", self.values.len());
        Ok(self.push(&place))
    }

    /// A list of values in brackets.
    pub fn bind_all<T>(&mut self, values: impl IntoIterator<Item = T>) -> Result<&mut Self, Error>
    where
        T: 'q + Encode<'q, Any> + Type<Any>,
    {
        self.push("(");
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            self.bind(value)?;
        }
        Ok(self.push(")"))
    }

    /// The page of a list that begins with the newest by this column (and by `id`, where two are equally new).
    pub fn newest_first(
        &mut self,
        column: &'static str,
        paging: &'q Paging,
    ) -> Result<&mut Self, Error> {
        if let Some((key, id)) = paging.after()? {
            self.filter().push(&format!("({column} < ")).bind(key)?;
            self.push(&format!(" OR ({column} = ")).bind(key)?;
            self.push(" AND id < ").bind(id)?.push("))");
        }
        self.push(&format!(" ORDER BY {column} DESC, id DESC LIMIT "));
        self.bind(one_more(paging))
    }

    pub fn parts(self) -> (String, AnyArguments<'q>) {
        (self.text, self.values)
    }
}

/// What `LIKE` takes for a text that may stand anywhere, with `\` as its escape.
pub(crate) fn anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bound_in_their_order() {
        let mut sql = Sql::new("SELECT 1 FROM t");
        sql.filter().push("a = ").bind(1_i64).unwrap();
        sql.filter().push("b IN ").bind_all(["x", "y"]).unwrap();
        let (text, values) = sql.parts();
        assert_eq!(text, "SELECT 1 FROM t WHERE a = $1 AND b IN ($2, $3)");
        assert_eq!(values.len(), 3);
    }

    #[test]
    fn signs_of_a_pattern_stand_for_themselves() {
        assert_eq!(anywhere("50%_a\\"), "%50\\%\\_a\\\\%");
    }
}
