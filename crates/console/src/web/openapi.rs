//! What the API says of itself: OpenAPI 3.1, served and kept in `docs/openapi.json`.

use super::routes::operations;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, ResponseBuilder,
    ServerBuilder,
};

/// Where all of it stands.
pub const BASE: &str = "/api/v1";

/// Completes the description that the routes gave.
#[must_use]
pub(super) fn complete(mut api: OpenApi) -> OpenApi {
    api.info = InfoBuilder::new()
        .title("Ratel")
        .version("1")
        .description(Some(
            "Intrusion detection and response. Every error is `application/problem+json` (RFC 9457); lists come in \
             pages: pass `next` as `cursor`. `x-least-role` says who may ask.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").build()))
        .build();
    api.servers = Some(vec![ServerBuilder::new().url(BASE).build()]);
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(name(method, path));
            refusals(operation, path);
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response
                    && response.description.is_empty()
                {
                    "What was asked for".clone_into(&mut response.description);
                }
            }
        }
    }
    let components = api.components.get_or_insert_with(Components::new);
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT, or an API token")
                .build(),
        ),
    );
    components.add_security_scheme(
        "api_key",
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Api-Key"))),
    );
    let problem = Ref::from_schema_name("Problem");
    let refusal = ResponseBuilder::new()
        .description("Why not (RFC 9457)")
        .content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(problem)).build(),
        )
        .build();
    components
        .responses
        .insert("Problem".to_owned(), refusal.into());
    components.schemas.insert(
        "Problem".to_owned(),
        <crate::api::problem::Problem as utoipa::PartialSchema>::schema(),
    );
    api
}

/// What may go wrong with a request, by what it has: the form of each refusal is the same.
fn refusals(operation: &mut Operation, path: &str) {
    let mut named: Vec<u16> = vec![503];
    let parameters = operation.parameters.iter().flatten();
    for parameter in parameters {
        named.push(400);
        // A stretch of time that ends before it begins; a key that stands for another order.
        if parameter.parameter_in == ParameterIn::Query || parameter.name == "idempotency-key" {
            named.push(422);
        }
    }
    if path.contains('{') {
        named.push(404);
    }
    if operation.request_body.is_some() {
        named.extend([400, 408, 413, 415, 422]);
    }
    // Refused before anybody has read it: there may be no text.
    for (status, what) in [
        ("414", "The address is too long"),
        ("431", "The head of the request is too large"),
    ] {
        let refusal = ResponseBuilder::new().description(what).build();
        let all = &mut operation.responses.responses;
        all.entry(status.to_owned()).or_insert(refusal.into());
    }
    super::routes::refusals(operation, &named);
}

/// The name of an operation, the same whatever its function is called: `get_events_id_context`.
fn name(method: &str, path: &str) -> String {
    let parts = path.split(|c: char| !c.is_ascii_alphanumeric());
    parts
        .filter(|part| !part.is_empty())
        .fold(method.to_owned(), |name, part| name + "_" + part)
}

/// The description as it is served and kept.
#[must_use]
pub fn text() -> String {
    let (_, api) = super::routes().split();
    // Maps with texts as keys: writing them can't fail.
    let mut text = serde_json::to_string_pretty(&complete(api)).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_that_is_kept_is_the_one_that_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        if std::env::var_os("RATEL_BLESS").is_some() {
            std::fs::write(path, text()).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == text(),
            "docs/openapi.json is not what is served: RATEL_BLESS=1 cargo test -p console@0.1.0 openapi, or ratel openapi > docs/openapi.json"
        );
    }

    #[test]
    fn every_route_says_who_may_ask_and_nothing_is_referred_to_that_is_not_there() {
        let api: serde_json::Value = serde_json::from_str(&text()).unwrap();
        for (path, item) in api["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let said = operation.get("x-least-role").is_some();
                let open = operation["security"].as_array().is_some_and(Vec::is_empty);
                assert!(said != open, "{method} {path}");
                let all = operation["parameters"].as_array().into_iter().flatten();
                let mut names: Vec<_> = all
                    .map(|one| (one["in"].as_str(), one["name"].as_str()))
                    .collect();
                let count = names.len();
                names.sort_unstable();
                names.dedup();
                assert_eq!(
                    names.len(),
                    count,
                    "{method} {path}: a parameter stands twice"
                );
            }
        }
        let mut names = std::collections::BTreeSet::new();
        for item in api["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                assert!(names.insert(operation["operationId"].to_string()));
            }
        }
        let mut references = Vec::new();
        collect(&api, &mut references);
        assert!(references.len() > 100);
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(api.pointer(pointer).is_some(), "{reference}");
        }
    }

    fn collect(tree: &serde_json::Value, into: &mut Vec<String>) {
        match tree {
            serde_json::Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(|r| r.as_str()) {
                    into.push(reference.to_owned());
                }
                map.values().for_each(|value| collect(value, into));
            }
            serde_json::Value::Array(list) => list.iter().for_each(|value| collect(value, into)),
            _ => {}
        }
    }
}
