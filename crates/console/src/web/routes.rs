//! Routes, each with the least role that may use it: there is no other way to add one.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{OpenApi, Ref, RefOr, SecurityRequirement};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::app::App;
use super::door::signed;
use super::extract::unknown;
use crate::api::problem::Problem;
use crate::auth::{Principal, Role};

/// Routes and what OpenAPI says of them.
#[derive(Clone, Default)]
pub struct Routes(OpenApiRouter<App>);

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Routes")
    }
}

impl Routes {
    /// Routes for whoever has this role, or one that may more.
    #[must_use]
    pub fn at(self, least: Role, routes: UtoipaMethodRouter<App>) -> Self {
        let (schemas, mut paths, router) = routes;
        for item in paths.paths.values_mut() {
            operations(item).for_each(|(_, operation)| guard(operation, least));
        }
        let guarded = router.route_layer(from_fn(move |request: Request, next: Next| {
            admit(least, request, next)
        }));
        Routes(self.0.routes((schemas, paths, guarded)))
    }

    /// Routes for anybody: how one logs in, and what this is.
    #[must_use]
    pub fn open(self, routes: UtoipaMethodRouter<App>) -> Self {
        let (schemas, mut paths, router) = routes;
        for item in paths.paths.values_mut() {
            operations(item).for_each(|(_, operation)| {
                operation.security = Some(Vec::new());
                refusals(operation, &[429]);
            });
        }
        Routes(self.0.routes((schemas, paths, router)))
    }

    /// These and others.
    #[must_use]
    pub fn and(self, other: Routes) -> Self {
        Routes(self.0.merge(other.0))
    }

    /// The router and the description.
    pub fn split(self) -> (Router<App>, OpenApi) {
        self.0.split_for_parts()
    }
}

/// The operations of a path, each with its method.
pub fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("get", item.get.as_mut()),
        ("put", item.put.as_mut()),
        ("post", item.post.as_mut()),
        ("patch", item.patch.as_mut()),
        ("delete", item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
}

/// Says in the description what the layer does.
fn guard(operation: &mut Operation, least: Role) {
    let nothing: [&str; 0] = [];
    operation.security = Some(vec![
        SecurityRequirement::new("bearer", nothing),
        SecurityRequirement::new("api_key", nothing),
    ]);
    let extensions = ExtensionsBuilder::new().add("x-least-role", least.name());
    operation.extensions = Some(extensions.build());
    refusals(operation, &[401, 403, 429]);
}

/// Every refusal has one form; these are worth a name.
pub fn refusals(operation: &mut Operation, named: &[u16]) {
    let all = named.iter().map(ToString::to_string);
    for status in all.chain(["default".to_owned()]) {
        let refusal = RefOr::Ref(Ref::from_response_name("Problem"));
        operation
            .responses
            .responses
            .entry(status)
            .or_insert(refusal);
    }
}

async fn admit(least: Role, request: Request, next: Next) -> Response {
    match request.extensions().get::<Principal>() {
        None => unknown().into_response(),
        Some(who) if who.role < least => {
            tracing::warn!(
                who = who.name,
                role = who.role.name(),
                needs = least.name(),
                path = request.uri().path(),
                "refused: not the role for it"
            );
            let (has, name) = (who.role, &who.name);
            let why = format!("this takes the role {least}; {name} has the role {has}");
            Problem::new(StatusCode::FORBIDDEN, why).into_response()
        }
        Some(who) => {
            let who = who.clone();
            signed(next.run(request).await, &who)
        }
    }
}
