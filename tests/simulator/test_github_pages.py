"""The pages of the simulated GitHub: safe with hostile text, and good for acting in a browser."""

from __future__ import annotations

import pytest
import requests

from simulator.github.pages.markdown import render

REPOSITORY = "ada/brook"
HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)>"><b onclick=x>'


@pytest.fixture
def browser(hub):
    """A browser in which somebody acts as grace."""
    session = requests.Session()
    session.headers["Accept"] = "text/html"
    session.cookies.set("sim-user", "grace")
    return session


def page(hub, browser, path):
    answer = browser.get(hub.server.url + path, timeout=5)
    assert answer.status_code == 200
    return answer


def submit(hub, browser, referer, **form):
    return browser.post(
        f"{hub.server.url}/{REPOSITORY}/act", data=form, headers={"Referer": hub.server.url + referer}, timeout=5
    )


def test_hostile_text_is_only_text_wherever_it_is_shown(hub, browser):
    act = hub.server.act
    act.open_issue(REPOSITORY, "zoe", HOSTILE, HOSTILE)
    act.label(REPOSITORY, 1, "tom", "<i>label")
    act.comment(REPOSITORY, 1, "zoe", HOSTILE)
    act.push(REPOSITORY, "grace", "x", {"src/<b>.rs": f"// {HOSTILE}\n"}, HOSTILE)
    number = act.open_pull_request(REPOSITORY, "grace", "x", HOSTILE, HOSTILE)
    act.review(REPOSITORY, number, "max", HOSTILE, comments=[{"path": "src/<b>.rs", "line": 1, "body": HOSTILE}])
    paths = [
        "/issues",
        "/pulls",
        "/issues/1",
        f"/pull/{number}",
        f"/pull/{number}/files",
        f"/pull/{number}/commits",
        "/commit/x",
        "/tree/x/src",
    ]
    for path in [*paths, "/blob/x/src/<b>.rs"]:
        answer = page(hub, browser, f"/{REPOSITORY}{path}")
        for threat in ("<script>alert", "<img src=x", "<b onclick", "<i>label"):
            assert threat not in answer.text, (path, threat)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_conversation_shows_who_did_what(hub, browser):
    number = hub.pull_request()
    act = hub.server.act
    act.request_changes(REPOSITORY, number, "max", "Not yet", [{"path": "src/lib.rs", "line": 2, "body": "Why **b**?"}])
    act.ci(REPOSITORY, "grace", "x", [("test", "failure", "boom")])
    text = page(hub, browser, f"/{REPOSITORY}/pull/{number}").text
    for expected in (
        "requested changes",
        "<strong>b</strong>",
        "Some checks were not successful",
        "Change b",
        "Resolve conversation",
    ):
        assert expected in text


def test_a_commit_of_the_app_is_shown_as_verified(hub, browser):
    repo = hub.repo()
    head = repo.get_git_commit(repo.get_branch("main").commit.sha)
    commit = repo.create_git_commit("By the App", head.tree, [head])
    assert "Verified" in page(hub, browser, f"/{REPOSITORY}/commit/{commit.sha}").text


def test_an_issue_is_opened_labeled_and_commented_in_the_browser(hub, browser):
    opened = submit(hub, browser, f"/{REPOSITORY}/issues", do="open_issue", title="It breaks", body="Look")
    assert opened.url.endswith(f"/{REPOSITORY}/issues/1")
    submit(hub, browser, f"/{REPOSITORY}/issues/1", do="label", number=1, name="rfc-needed")
    shown = submit(hub, browser, f"/{REPOSITORY}/issues/1", do="comment", number=1, body="/implement")
    assert "/implement" in shown.text
    issue = hub.server.act.issue(REPOSITORY, 1)
    assert [label.name for label in issue.labels] == ["rfc-needed"]
    assert issue.comments[0].author.login == "grace"
    told = [(event.name, event.action) for event in hub.server.events]
    assert ("issue_comment", "created") in told


def test_a_review_with_remarks_on_lines_is_sent_from_the_browser(hub, browser):
    number = hub.pull_request(who="max")
    page_of_files = f"/{REPOSITORY}/pull/{number}/files"
    form = {
        "do": "review",
        "number": number,
        "event": "REQUEST_CHANGES",
        "body": "Two",
        "path": ["src/lib.rs"] * 2,
        "line": [2, 4],
        "note": ["a", "b"],
    }
    assert submit(hub, browser, page_of_files, **form).status_code == 200
    pull = hub.server.act.pull_request(REPOSITORY, number)
    assert [(comment.thread.line, comment.body) for comment in pull.comments] == [(2, "a"), (4, "b")]


def test_what_somebody_may_not_do_is_refused_in_words(hub, browser):
    hub.server.act.open_issue(REPOSITORY, "grace", "It breaks")
    hub.server.act.add_user("zoe")
    browser.cookies.clear()
    browser.cookies.set("sim-user", "zoe")
    answer = submit(hub, browser, f"/{REPOSITORY}/issues/1", do="label", number=1, name="bug")
    assert answer.status_code == 403
    assert "Must have admin rights" in answer.text


def test_another_sites_page_cannot_act(hub, browser):
    hub.server.act.open_issue(REPOSITORY, "grace", "It breaks")
    browser.headers["Origin"] = "http://evil.example"
    assert submit(hub, browser, "/", do="comment", number=1, body="x").status_code == 403
    assert hub.server.act.issue(REPOSITORY, 1).comments == []


def test_a_delivery_is_shown_raw(hub, browser, receiver):
    hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    hub.server.wait_for_deliveries()
    assert "issues" in page(hub, browser, "/_sim/deliveries").text
    delivery = hub.server.deliveries.log[0]
    shown = page(hub, browser, f"/_sim/deliveries/{delivery.id}").text
    assert "X-Hub-Signature-256: sha256=" in shown
    assert "It breaks" in shown


def test_the_root_is_a_page_for_browsers_and_json_for_programs(hub, browser):
    assert REPOSITORY in page(hub, browser, "/").text
    assert "rate_limit_url" in requests.get(hub.server.url, timeout=5).json()


def test_a_missing_page_is_no_violation_for_a_browser(hub, browser):
    assert browser.get(f"{hub.server.url}/{REPOSITORY}/issues/9", timeout=5).status_code == 404
    assert hub.server.violations == []


# --- Markdown --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- [x] done\n- [ ] open", '<li><input class="task" type="checkbox" checked disabled> done</li>'),
        ("<details><summary>More</summary>\n\n**in**\n\n</details>", "<details><summary>More</summary>"),
        ("a<br>b<sub>c</sub>", "a<br>b<sub>c</sub>"),
        ("see #12", 'see <a href="/o/r/issues/12">#12</a>'),
        ("`#12`", "<code>#12</code>"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "<td>1</td>"),
    ],
)
def test_markdown_is_shown_as_on_github(text, expected):
    assert expected in render(text, "/o/r")


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("[x](javascript:alert(1))", 'javascript:alert(1)"'),
        ("<a href='javascript:alert(1)'>x</a>", "href"),
        ("<a href='java\nscript:alert(1)'>x</a>", "href"),
        ("<iframe src=x>", "<iframe"),
        ("<svg/onload=alert(1)>", "<svg"),
        ("<b onmouseover=alert(1)>x</b>", "onmouseover"),
        ("<style>*{display:none}</style>", "<style"),
        ("<form action=/x><button>y</button></form>", "<form"),
        ("![x](http://tracker.example/a.png)", "<img"),
        ("visible <!-- hidden -->", "hidden"),
        ("a\u202eb", "\u202e"),
    ],
)
def test_markdown_lets_nothing_dangerous_through(text, forbidden):
    assert forbidden not in render(text)


def test_tags_left_open_or_closed_too_often_do_not_break_the_page():
    assert (
        render("</details></div><details><b>x").count("<details>") == render("<details><b>x").count("</details>") == 1
    )
