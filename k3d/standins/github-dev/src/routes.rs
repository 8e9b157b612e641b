//! The routes of the API, and those of the control.

use crate::{
    access::{self, Caller, failure},
    control,
    repository::{Pull, Repository},
    shapes,
    world::World,
};
use axum::{
    Extension, Json, Router,
    extract::{Path, Query, State},
    http::{HeaderValue, StatusCode, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{cmp::Reverse, sync::Arc};

/// Commits that a comparison tells without pages.
const COMPARED: usize = 250;

/// What URLs in bodies start with; those in headers start as the caller's do.
pub(crate) const BASE: &str = "https://api.github.com";

type Shared = State<Arc<World>>;
type Name = (String, String);

/// Everything that the stand-in answers.
pub fn router(world: Arc<World>) -> Router {
    let api = Router::new()
        .route("/orgs/{owner}/repos", get(of_organization))
        .route("/users/{owner}/repos", get(of_user))
        .route("/repositories/{id}", get(by_id))
        .route("/repos/{owner}/{name}", get(repository))
        .route("/repos/{owner}/{name}/pulls", get(pulls))
        .route("/repos/{owner}/{name}/pulls/{number}", get(pull))
        .route("/repos/{owner}/{name}/pulls/{number}/files", get(files))
        .route("/repos/{owner}/{name}/pulls/{number}/commits", get(of_pull))
        .route("/repos/{owner}/{name}/releases", get(releases))
        .route("/repos/{owner}/{name}/deployments", get(deployments))
        .route(
            "/repos/{owner}/{name}/deployments/{id}/statuses",
            get(statuses),
        )
        .route("/repos/{owner}/{name}/commits", get(commits))
        .route("/repos/{owner}/{name}/commits/{sha}", get(commit))
        .route("/repos/{owner}/{name}/activity", get(activity))
        .route("/repos/{owner}/{name}/compare/{range}", get(compare))
        .fallback(|| async { not_found() })
        .layer(middleware::from_fn_with_state(world.clone(), access::admit));
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/control", post(control::set))
        .route("/control/repositories", post(control::add))
        .route("/control/deeds", post(control::act))
        .route("/control/requests", get(control::requests))
        .merge(api)
        .with_state(world)
}

fn not_found() -> Response {
    failure(StatusCode::NOT_FOUND, "Not Found")
}

/// How much of a list is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Page {
    page: Option<usize>,
    per_page: Option<usize>,
    state: Option<String>,
    sort: Option<String>,
    direction: Option<String>,
    sha: Option<String>,
    #[serde(rename = "ref")]
    branch: Option<String>,
    after: Option<String>,
    environment: Option<String>,
}

impl Page {
    fn size(&self) -> usize {
        self.per_page.unwrap_or(30).clamp(1, 100)
    }

    fn number(&self) -> usize {
        self.page.unwrap_or(1).max(1)
    }

    /// One page of the items, with the Link header that leads to the others.
    fn answer<T>(&self, uri: &Uri, items: &[T], shape: impl Fn(&T) -> Value) -> Response {
        let (size, number) = (self.size(), self.number());
        let start = items.len().min((number - 1).saturating_mul(size));
        let end = items.len().min(start.saturating_add(size));
        let shown: Vec<Value> = items[start..end].iter().map(shape).collect();
        let last = items.len().div_ceil(size).max(1);
        let mut links = Vec::new();
        if number < last {
            links.push(link(uri, "page", &(number + 1).to_string(), "next"));
            links.push(link(uri, "page", &last.to_string(), "last"));
        }
        if number > 1 {
            links.push(link(uri, "page", &(number - 1).to_string(), "prev"));
            links.push(link(uri, "page", "1", "first"));
        }
        linked(Json(shown).into_response(), &links)
    }
}

fn linked(mut response: Response, links: &[String]) -> Response {
    if !links.is_empty()
        && let Ok(value) = HeaderValue::from_str(&links.join(", "))
    {
        response.headers_mut().insert(header::LINK, value);
    }
    response
}

fn link(uri: &Uri, key: &str, value: &str, relation: &str) -> String {
    let others = uri.query().unwrap_or_default().split('&');
    let kept: Vec<&str> = others
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(key))
        .collect();
    let query = [kept.join("&"), format!("{key}={value}")]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("&");
    format!("<{BASE}{}?{query}>; rel=\"{relation}\"", uri.path())
}

/// Where the repository that was renamed stands now, as GitHub tells it.
fn moved(id: i64) -> Response {
    let place = format!("{BASE}/repositories/{id}");
    let body = json!({"message": "Moved Permanently", "url": place, "documentation_url": "https://docs.github.com/rest"});
    let mut response = (StatusCode::MOVED_PERMANENTLY, Json(body)).into_response();
    if let Ok(value) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// Answers from a repository that the caller may see.
fn within(
    world: &World,
    caller: Caller,
    name: &Name,
    answer: impl FnOnce(&Repository) -> Response,
) -> Response {
    let name = format!("{}/{}", name.0, name.1).to_lowercase();
    let inner = world.lock();
    match (inner.repositories.get(&name), inner.renamed.get(&name)) {
        (Some(found), _) if !found.private || caller == Caller::Known => answer(found),
        (None, Some(id)) => moved(*id),
        _ => not_found(),
    }
}

fn listed(
    world: &World,
    caller: Caller,
    owner: &str,
    organization: bool,
    page: &Page,
    uri: &Uri,
) -> Response {
    let inner = world.lock();
    let of_owner: Vec<&Repository> = inner
        .repositories
        .values()
        .filter(|it| it.owner.eq_ignore_ascii_case(owner) && it.organization == organization)
        .collect();
    if of_owner.is_empty() {
        return not_found();
    }
    let visible: Vec<&Repository> = of_owner
        .into_iter()
        .filter(|it| !it.private || caller == Caller::Known)
        .collect();
    page.answer(uri, &visible, |it| shapes::repository(BASE, it))
}

async fn of_organization(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path(owner): Path<String>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Response {
    listed(&world, caller, &owner, true, &page, &uri)
}

async fn of_user(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path(owner): Path<String>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Response {
    listed(&world, caller, &owner, false, &page, &uri)
}

async fn by_id(State(world): Shared, Path(id): Path<i64>) -> Response {
    let inner = world.lock();
    inner
        .repositories
        .values()
        .find(|it| it.id == id)
        .map_or_else(not_found, |it| {
            Json(shapes::repository(BASE, it)).into_response()
        })
}

async fn repository(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path(name): Path<Name>,
) -> Response {
    within(&world, caller, &name, |it| {
        Json(shapes::repository(BASE, it)).into_response()
    })
}

async fn pulls(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path(name): Path<Name>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Response {
    within(&world, caller, &name, |repository| {
        let wanted = |it: &&Pull| match page.state.as_deref() {
            Some("all") => true,
            Some("closed") => !it.open,
            _ => it.open,
        };
        let mut found: Vec<&Pull> = repository.pulls.iter().filter(wanted).collect();
        if page.sort.as_deref() == Some("updated") {
            found.sort_by_key(|it| (it.updated_at, it.number));
        } else {
            found.sort_by_key(|it| (it.created_at, it.number));
        }
        if page.direction.as_deref() != Some("asc") {
            found.reverse();
        }
        page.answer(&uri, &found, |it| {
            shapes::pull_summary(BASE, repository, it)
        })
    })
}

fn one(repository: &Repository, number: i64, answer: impl FnOnce(&Pull) -> Response) -> Response {
    repository
        .pulls
        .iter()
        .find(|it| it.number == number)
        .map_or_else(not_found, answer)
}

async fn pull(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path((owner, name, number)): Path<(String, String, i64)>,
) -> Response {
    within(&world, caller, &(owner, name), |repository| {
        one(repository, number, |it| {
            Json(shapes::pull(BASE, repository, it)).into_response()
        })
    })
}

async fn files(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path((owner, name, number)): Path<(String, String, i64)>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Response {
    within(&world, caller, &(owner, name), |repository| {
        one(repository, number, |it| {
            page.answer(&uri, &it.files, shapes::file)
        })
    })
}

async fn of_pull(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path((owner, name, number)): Path<(String, String, i64)>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Response {
    within(&world, caller, &(owner, name), |repository| {
        one(repository, number, |it| {
            let commit = crate::Commit {
                sha: it.head_sha.clone(),
                message: it.title.clone(),
                author: it.author.clone(),
                at: it.created_at,
            };
            page.answer(&uri, &[commit], |it| {
                shapes::commit(BASE, &repository.full_name(), it)
            })
        })
    })
}

async fn releases(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path(name): Path<Name>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Response {
    within(&world, caller, &name, |repository| {
        let mut found: Vec<_> = repository
            .releases
            .iter()
            .filter(|it| !it.draft || caller == Caller::Known)
            .collect();
        found.sort_by_key(|it| Reverse((it.created_at, it.id)));
        page.answer(&uri, &found, |it| shapes::release(BASE, repository, it))
    })
}

async fn deployments(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path(name): Path<Name>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Response {
    within(&world, caller, &name, |repository| {
        let environment = page.environment.as_deref();
        let mut found: Vec<_> = repository
            .deployments
            .iter()
            .filter(|it| environment.is_none_or(|wanted| wanted == it.environment))
            .collect();
        found.sort_by_key(|it| Reverse((it.created_at, it.id)));
        page.answer(&uri, &found, |it| shapes::deployment(BASE, repository, it))
    })
}

async fn statuses(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path((owner, name, id)): Path<(String, String, i64)>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Response {
    within(&world, caller, &(owner, name), |repository| {
        repository
            .deployments
            .iter()
            .find(|it| it.id == id)
            .map_or_else(not_found, |it| {
                page.answer(&uri, &shapes::statuses(it), Clone::clone)
            })
    })
}

async fn commits(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path(name): Path<Name>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Response {
    within(&world, caller, &name, |repository| {
        let start = page.sha.as_deref().unwrap_or(&repository.default_branch);
        let Some(newest) = repository.resolve(start) else {
            return not_found();
        };
        let reachable: Vec<_> = repository.commits[..=newest].iter().rev().collect();
        page.answer(&uri, &reachable, |it| {
            shapes::commit(BASE, &repository.full_name(), it)
        })
    })
}

async fn commit(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path((owner, name, sha)): Path<(String, String, String)>,
) -> Response {
    within(&world, caller, &(owner, name), |repository| {
        repository.resolve(&sha).map_or_else(not_found, |place| {
            let found = &repository.commits[place];
            Json(shapes::commit(BASE, &repository.full_name(), found)).into_response()
        })
    })
}

/// Newest first, with cursors instead of page numbers.
async fn activity(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path(name): Path<Name>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Response {
    within(&world, caller, &name, |repository| {
        let branch = page
            .branch
            .as_deref()
            .map(|it| it.strip_prefix("refs/heads/").unwrap_or(it));
        let mut found: Vec<_> = repository
            .pushes
            .iter()
            .filter(|it| branch.is_none_or(|wanted| wanted == it.branch))
            .collect();
        found.sort_by_key(|it| Reverse((it.at, it.id)));
        let start = match &page.after {
            None => 0,
            Some(cursor) => match found.iter().position(|it| it.id.to_string() == *cursor) {
                Some(place) => place + 1,
                None => return failure(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed"),
            },
        };
        let end = found.len().min(start + page.size());
        let shown: Vec<Value> = found[start..end]
            .iter()
            .map(|it| shapes::activity(it))
            .collect();
        let more = (end < found.len() && end > start)
            .then(|| link(&uri, "after", &found[end - 1].id.to_string(), "next"));
        linked(Json(shown).into_response(), more.as_slice())
    })
}

async fn compare(
    State(world): Shared,
    Extension(caller): Extension<Caller>,
    Path((owner, name, range)): Path<(String, String, String)>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Response {
    within(&world, caller, &(owner, name), |repository| {
        let ends = range
            .split_once("...")
            .and_then(|(base, head)| Some((repository.resolve(base)?, repository.resolve(head)?)));
        let Some((base, head)) = ends else {
            return not_found();
        };
        let shape = |it: &crate::Commit| shapes::commit(BASE, &repository.full_name(), it);
        let ahead: Vec<_> = repository.commits[..=head].iter().skip(base + 1).collect();
        let paged = page.page.is_some() || page.per_page.is_some();
        let (start, size) = if paged {
            ((page.number() - 1) * page.size(), page.size())
        } else {
            (0, COMPARED)
        };
        let shown: Vec<Value> = ahead
            .iter()
            .skip(start)
            .take(size)
            .map(|it| shape(it))
            .collect();
        let more = (paged && start + size < ahead.len())
            .then(|| link(&uri, "page", &(page.number() + 1).to_string(), "next"));
        let status = match head.cmp(&base) {
            std::cmp::Ordering::Greater => "ahead",
            std::cmp::Ordering::Equal => "identical",
            std::cmp::Ordering::Less => "behind",
        };
        let body = json!({
            "url": format!("{BASE}{}", uri.path()),
            "base_commit": shape(&repository.commits[base]),
            "merge_base_commit": shape(&repository.commits[base.min(head)]),
            "status": status,
            "ahead_by": head.saturating_sub(base),
            "behind_by": base.saturating_sub(head),
            "total_commits": ahead.len(),
            "commits": shown,
            "files": [],
        });
        linked(Json(body).into_response(), more.as_slice())
    })
}

#[cfg(test)]
mod tests;
