//! What people see: pages for browsers, the same as text for terminals.

use std::fmt::Write as _;

use crate::client::Run;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::token::{Leg, Way};

/// Who came in, and how.
pub struct Login {
    pub peer: String,
    /// Name and value, in the order to be shown.
    pub facts: Vec<(String, String)>,
    /// Security identifiers.
    pub groups: Vec<String>,
    /// In seconds since 1970.
    pub expires: Option<u64>,
    pub legs: Vec<Leg>,
}

/// What the client can show to its user.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    Html,
    Text,
}

impl Wants {
    pub fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(header::ACCEPT).iter();
        let mut accepted = accepted.filter_map(|value| value.to_str().ok());
        match accepted.any(|text| text.contains("text/html")) {
            true => Self::Html,
            false => Self::Text,
        }
    }

    pub fn respond(self, status: StatusCode, page: String) -> Response {
        let kind = match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
        };
        (status, [(header::CONTENT_TYPE, kind)], page).into_response()
    }
}

/// What a page may do: be read, and count down.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-s74g1asNO7kbUv+Ekd7ygdWXfzvIeBqHjgrFBviKij0='; img-src data:; \
                          frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Counts down to the end of the login. The page is whole without it.
const COUNTDOWN: &str = include_str!("countdown.js");

/// What the pages say of the server itself, to anybody who asks.
pub enum Site {
    /// The realm is in memory: nobody but the built-in client has a ticket.
    Embedded {
        /// What the configuration says of itself. Of a real server this is
        /// for its log.
        description: String,
    },
    /// Clients get tickets from this realm, for this service.
    Real {
        realm: String,
        service: String,
        /// Scheme, host and port, by the name that tickets are for.
        url: String,
    },
}

const STYLE: &str = include_str!("style.css");

fn layout(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<main>\n{body}</main>\n\
         <footer>gss-acceptor, example <code>http_server</code></footer>\n\
         <script>{COUNTDOWN}</script>\n</body>\n</html>\n",
        title = escape(title)
    )
}

/// Text that means itself in HTML, also inside an attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The page of a client that came in.
pub fn welcome(login: &Login, kind: Wants) -> String {
    if kind == Wants::Text {
        let mut text = format!("You are {}.\n\n", login.peer);
        text.push_str(&text_facts(&login.facts));
        if !login.groups.is_empty() {
            text.push_str(&text_facts(&[("groups".into(), login.groups.join(" "))]));
        }
        text.push('\n');
        text.push_str(&text_legs(&login.legs));
        return text;
    }
    let left = login.expires.map(|end| {
        format!("<p class=\"left\">Good for <time data-until=\"{end}\">as long as it says below</time></p>\n")
    });
    let groups = match login.groups.len() {
        0 => String::new(),
        count => format!("<h2>{count} groups</h2>\n{}", html_groups(&login.groups)),
    };
    let body = format!(
        "<p class=\"kicker good\">Authenticated</p>\n<h1>{}</h1>\n\
         <p class=\"lead\">Your client proved who you are, without a password on the way.</p>\n{}\
         <h2>The handshake</h2>\n{}<h2>The context</h2>\n{}{groups}",
        breakable(&login.peer),
        left.unwrap_or_default(),
        html_legs(&login.legs),
        html_facts(&login.facts),
    );
    layout(&login.peer, &body)
}

/// The page of a client that sent no token, or not a good one.
pub fn unauthorized(site: &Site, url: &str, refused: bool, kind: Wants) -> String {
    let (title, lead) = if refused {
        (
            "You were not let in",
            "Your client sent a token, and it was not accepted. The reason is in the server's log.",
        )
    } else {
        (
            "Who are you?",
            "This page is for clients that say so with a Kerberos ticket, and yours did not.",
        )
    };
    match kind {
        Wants::Text => text_unauthorized(site, url, title, lead),
        Wants::Html => {
            let kicker = if refused { "bad" } else { "open" };
            let help = match site {
                Site::Embedded { description } => html_embedded(url, description),
                Site::Real {
                    realm,
                    service,
                    url,
                } => html_real(url, realm, service),
            };
            let body = format!(
                "<p class=\"kicker {kicker}\">401 Unauthorized</p>\n<h1>{title}</h1>\n\
                 <p class=\"lead\">{lead}</p>\n{help}"
            );
            layout(title, &body)
        }
    }
}

fn html_embedded(url: &str, description: &str) -> String {
    format!(
        "<p>This server made up a realm of its own in memory when it started: nobody can get a \
         ticket of it but its built-in client.</p>\n\
         <p><a class=\"button\" href=\"/demo\">Watch that client log in</a></p>\n\
         <h2>Come in yourself</h2>\n\
         <p>The server gives away tokens of <code>{user}</code>, good for one login each. In a \
         terminal:</p>\n<pre>{}</pre>\n<p>A token that is used again is refused as a replay.</p>\n\
         <h2>With your own realm</h2>\n\
         <p>Give the server a keytab with a key of <code>HTTP/its.host.name</code>:</p>\n\
         <pre>cargo run --example http_server -- --keytab FILE</pre>\n\
         <h2>The server</h2>\n{}",
        escape(&token_command(url)),
        html_facts(&settings(description)),
        user = crate::client::USER,
    )
}

fn html_real(url: &str, realm: &str, service: &str) -> String {
    format!(
        "<h2>In a terminal</h2>\n<pre>{}</pre>\n\
         <h2>In a browser</h2>\n\
         <p>Get a ticket with <code>kinit</code> (a machine of the domain has one already), and \
         allow the browser to use it for this host:</p>\n\
         <ul>\n<li>Firefox: <code>about:config</code>, <code>network.negotiate-auth.trusted-uris\
         </code></li>\n<li>Chrome, Chromium, Edge: the policy or option \
         <code>auth-server-allowlist</code></li>\n</ul>\n\
         <p>The name in the address bar must be the one that the ticket is for: \
         <code>{}</code>.</p>\n",
        escape(&kinit_command(url, realm)),
        escape(service)
    )
}

fn text_unauthorized(site: &Site, url: &str, title: &str, lead: &str) -> String {
    let help = match site {
        Site::Embedded { .. } => format!(
            "The realm is one in memory. To come in as {}, with a token that is good for one \
             login:\n\n    {}\n\nTo see the built-in client log in:\n\n    curl{} {url}/demo\n",
            crate::client::USER,
            token_command(url),
            insecure(url)
        ),
        Site::Real {
            realm,
            service,
            url,
        } => {
            let commands = kinit_command(url, realm).replace('\n', "\n    ");
            format!("To come in (tickets are for {service}):\n\n    {commands}\n")
        }
    };
    format!("401 Unauthorized: {title}\n\n{lead}\n\n{help}")
}

/// The certificate is nobody's but this run's.
fn insecure(url: &str) -> &'static str {
    if url.starts_with("https") { " -k" } else { "" }
}

/// How to come in with a token that the server gives away.
pub fn token_command(url: &str) -> String {
    let k = insecure(url);
    format!("curl{k} -H \"Authorization: Negotiate $(curl -s{k} {url}/token)\" {url}/")
}

/// How to come in with a ticket.
pub fn kinit_command(url: &str, realm: &str) -> String {
    let k = insecure(url);
    format!("kinit you@{realm}\ncurl{k} --negotiate -u : {url}/")
}

/// A login of the built-in client.
pub fn demo(run: &Result<Run, String>, url: &str, kind: Wants) -> String {
    let run = match (run, kind) {
        (Ok(run), _) => run,
        (Err(error), Wants::Text) => return format!("The built-in client failed: {error}\n"),
        (Err(error), Wants::Html) => {
            let body = format!(
                "<p class=\"kicker bad\">Failed</p>\n<h1>The built-in client did not get in</h1>\n\
                 <p class=\"lead\">{}</p>\n",
                escape(error)
            );
            return layout("The built-in client did not get in", &body);
        }
    };
    if kind == Wants::Text {
        return text_run(run);
    }
    let mut facts = vec![("asked".to_owned(), run.asked.clone())];
    facts.extend(run.facts.iter().cloned());
    let body = format!(
        "<p class=\"kicker good\">Just now, over TCP</p>\n<h1>A handshake</h1>\n\
         <p class=\"lead\">The built-in client opened a connection to this server, logged in as \
         <strong>{}</strong>, and checked that the server is the one that it has a ticket for.</p>\n\
         <h2>Leg by leg</h2>\n{}<h2>What came of it</h2>\n{}\
         <p><a class=\"button\" href=\"/demo\">Once more</a></p>\n\
         <h2>Come in yourself</h2>\n\
         <p>The server gives away tokens of that client, good for one login each. In a \
         terminal:</p>\n<pre>{}</pre>\n",
        escape(crate::client::USER),
        html_legs(&run.legs),
        html_facts(&facts),
        escape(&token_command(url)),
    );
    layout("A handshake", &body)
}

/// A login of the built-in client, for a terminal.
pub fn text_run(run: &Run) -> String {
    let mut text = text_legs(&run.legs);
    text.push('\n');
    text.push_str(&text_facts(&[("asked".to_owned(), run.asked.clone())]));
    text.push_str(&text_facts(&run.facts));
    text
}

/// A page that says one thing.
pub fn message(status: &str, text: &str, kind: Wants) -> String {
    match kind {
        Wants::Text => format!("{status}: {text}\n"),
        Wants::Html => layout(
            status,
            &format!(
                "<p class=\"kicker bad\">{}</p>\n<h1>{}</h1>\n<p><a href=\"/\">To the start</a></p>\n",
                escape(status),
                escape(text)
            ),
        ),
    }
}

/// Names and values of what the configuration says of itself: two blanks or
/// more are between them.
fn settings(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

fn html_groups(groups: &[String]) -> String {
    let items = groups
        .iter()
        .map(|sid| format!("<li><code>{}</code></li>", escape(sid)));
    format!("<ul class=\"groups\">{}</ul>\n", items.collect::<String>())
}

const NAME_WIDTH: usize = 13;

fn text_facts(facts: &[(String, String)]) -> String {
    facts.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<NAME_WIDTH$}{value}");
        text
    })
}

/// The facts in a page for a terminal: what [`welcome`] wrote.
pub fn read_facts(page: &str) -> Vec<(String, String)> {
    page.lines()
        .skip_while(|line| !line.is_empty())
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_at_checked(NAME_WIDTH))
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .collect()
}

fn text_legs(legs: &[Leg]) -> String {
    let mut text = String::new();
    for (leg, number) in legs.iter().zip(1..) {
        let (way, size, what) = (leg.way, leg.size(), &leg.what);
        let _ = writeln!(text, "{number:>3}  {way}  {size:>10}  {what}");
    }
    text
}

fn html_facts(facts: &[(String, String)]) -> String {
    let mut html = String::from("<dl>\n");
    for (name, value) in facts {
        let _ = writeln!(
            html,
            "<div><dt>{}</dt><dd>{}</dd></div>",
            escape(name),
            breakable(value)
        );
    }
    html.push_str("</dl>\n");
    html
}

fn html_legs(legs: &[Leg]) -> String {
    let mut html = String::from(
        "<div class=\"ends\" aria-hidden=\"true\"><span>client</span><span>server</span></div>\n\
         <ol class=\"legs\">\n",
    );
    for leg in legs {
        let (class, arrow) = match leg.way {
            Way::ToServer => ("out", "&rarr;"),
            Way::ToClient => ("back", "&larr;"),
        };
        let _ = writeln!(
            html,
            "<li class=\"{class}\"><span class=\"way\" aria-label=\"{}\">{arrow}</span>\
             <span class=\"what\">{}</span><span class=\"size\">{}</span></li>",
            leg.way,
            escape(&leg.what),
            leg.size()
        );
    }
    html.push_str("</ol>\n");
    html
}

/// Escaped, and with places to break long names at.
fn breakable(text: &str) -> String {
    escape(text)
        .replace('@', "<wbr>@")
        .replace('_', "_<wbr>")
        .replace('/', "/<wbr>")
}
