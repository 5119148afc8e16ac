//! The port fields of a rule: `80`, `1024:`, `!22`, `[80,8000:8100,!8080]`, `$HTTP_PORTS`.

use crate::addresses::{MAX_DEPTH, MAX_ITEMS, items, merge, subtract};
use crate::context::Variables;
use crate::rule::Ports;

const LAST: u128 = u16::MAX as u128;
type Ranges = Vec<(u128, u128)>;

/// Reads a port field.
///
/// # Errors
/// In words, where the field cannot be read or matches no port at all.
pub fn parse(text: &str, variables: &Variables) -> Result<Ports, String> {
    if text == "any" {
        return Ok(Ports::any());
    }
    let mut budget = MAX_ITEMS;
    let ranges = group(text, variables, 0, &mut budget)?;
    if ranges.is_empty() {
        return Err(format!("`{text}` matches no port: everything is excluded"));
    }
    Ok(Ports(
        ranges
            .into_iter()
            .map(|(first, last)| first as u16..=last as u16)
            .collect(),
    ))
}

fn group(
    text: &str,
    variables: &Variables,
    depth: u32,
    budget: &mut usize,
) -> Result<Ranges, String> {
    if depth > MAX_DEPTH {
        return Err(format!(
            "variables or lists are nested deeper than {MAX_DEPTH}; does one name itself?"
        ));
    }
    let (mut include, mut exclude, mut names_any) = (Ranges::new(), Ranges::new(), false);
    for item in items(text)? {
        *budget = budget
            .checked_sub(1)
            .ok_or("the list comes to too many ports")?;
        match item.strip_prefix('!') {
            Some(item) => exclude.extend(one(item.trim(), variables, depth, budget)?),
            None => {
                names_any = true;
                include.extend(one(item, variables, depth, budget)?);
            }
        }
    }
    if !names_any {
        include.push((0, LAST));
    }
    merge(&mut include);
    merge(&mut exclude);
    Ok(subtract(&include, &exclude))
}

fn one(
    item: &str,
    variables: &Variables,
    depth: u32,
    budget: &mut usize,
) -> Result<Ranges, String> {
    if let Some(name) = item.strip_prefix('$') {
        let value = variables.get(name).ok_or_else(|| {
            format!("port variable `${name}` is not defined; add it to vars.port-groups")
        })?;
        return group(value, variables, depth + 1, budget);
    }
    if item.starts_with('[') || item.starts_with('!') || item.contains(',') {
        return group(item, variables, depth + 1, budget);
    }
    if item.eq_ignore_ascii_case("any") {
        return Ok(vec![(0, LAST)]);
    }
    let wrong =
        || format!("`{item}` is no port or range of ports; write 80, 1024:, :1024 or 8000:8100");
    let (first, last) = match item.split_once(':') {
        None => {
            let port = number(item).ok_or_else(wrong)?;
            (port, port)
        }
        Some(("", "")) => return Err(wrong()),
        Some((first, "")) => (number(first).ok_or_else(wrong)?, LAST),
        Some(("", last)) => (0, number(last).ok_or_else(wrong)?),
        Some((first, last)) => (
            number(first).ok_or_else(wrong)?,
            number(last).ok_or_else(wrong)?,
        ),
    };
    if first > last {
        return Err(format!(
            "range `{item}` ends before it begins; swap its ends"
        ));
    }
    Ok(vec![(first, last)])
}

fn number(text: &str) -> Option<u128> {
    let text = text.trim();
    let is_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse::<u16>()
        .ok()
        .filter(|_| is_digits)
        .map(u128::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&[(u16, u16)]>) {
        let variables: Variables = [("HTTP_PORTS", "80"), ("SAME", "$SAME")]
            .into_iter()
            .collect();
        let ports = parse(text, &variables).ok();
        let expected = expected.map(|ranges| Ports(ranges.iter().map(|&(a, b)| a..=b).collect()));
        assert_eq!(ports, expected, "{text}");
    }

    #[test]
    fn reads_lists_ranges_and_negations() {
        check("any", Some(&[(0, 65535)]));
        check("80", Some(&[(80, 80)]));
        check("1024:", Some(&[(1024, 65535)]));
        check(":1024", Some(&[(0, 1024)]));
        check("!80", Some(&[(0, 79), (81, 65535)]));
        check(
            "[80,81,8000:8100,!8080]",
            Some(&[(80, 81), (8000, 8079), (8081, 8100)]),
        );
        check("[$HTTP_PORTS,443]", Some(&[(80, 80), (443, 443)]));
        check("!$HTTP_PORTS", Some(&[(0, 79), (81, 65535)]));
        check("!any", None);
        check("90:80", None);
        check("65536", None);
        check("$SAME", None);
        check("$NONE", None);
        check("[80", None);
        check("", None);
    }
}
