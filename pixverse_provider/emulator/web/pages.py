"""The pages for people: jobs with a player, uploads, the balance. No script or style comes from elsewhere."""

from __future__ import annotations

import json
import secrets
from html import escape
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from pixverse_provider.emulator.account.clock import rfc3339
from pixverse_provider.emulator.protocol import DONE, GENERATING, STATUS_NAMES

if TYPE_CHECKING:
    from starlette.requests import Request

    from pixverse_provider.emulator.account.account import Account
    from pixverse_provider.emulator.account.jobs import Job
    from pixverse_provider.emulator.account.uploads import Upload


_SHOWN_JOBS: Final = 60
_SHOWN_UPLOADS: Final = 12


def page_router(account: Account) -> APIRouter:
    """Return the front page and the page of a job."""
    router = APIRouter()
    pages = _Pages(account)

    async def front(request: Request) -> Response:
        return await pages.front(request)

    async def job(request: Request) -> Response:
        return await pages.job(request)

    router.add_route("/", front, methods=["GET"])
    router.add_route("/jobs/{video_id:int}", job, methods=["GET"])
    return router


class _Pages:
    def __init__(self, account: Account) -> None:
        self._account = account

    async def front(self, request: Request) -> Response:
        jobs = self._account.jobs.newest_first()
        cards = "".join(self._card(job, request) for job in jobs[:_SHOWN_JOBS])
        older = len(jobs) - _SHOWN_JOBS
        more = f"<p class=quiet>and {older} older</p>" if older > 0 else ""
        empty = (
            "<div class=empty><p>No jobs yet.</p><p class=quiet>Point an Airflow connection at "
            f"<code>{escape(_base(request))}/openapi/v2</code> and run a DAG.</p></div>"
        )
        body = f"{self._numbers(jobs)}{self._incidents()}<section class=jobs>{cards or empty}</section>{more}"
        return _page("PixVerse emulator", body + self._uploads(request), refresh=True)

    async def job(self, request: Request) -> Response:
        video_id = int(request.path_params["video_id"])
        job = self._account.jobs.find(video_id)
        if job is None:
            missing = f"<p class=empty>There is no job {video_id}.</p>"
            return _page("No such job", missing, refresh=False, status=404)
        sent = json.dumps(dict(job.request), indent=2, ensure_ascii=False)
        body = (
            "<p><a href='/'>&larr; all jobs</a></p>"
            f"<section class='jobs one'>{self._card(job, request)}</section>"
            f"{self._facts(job)}"
            f"<h2>Request</h2><pre>{escape(sent)}</pre>"
        )
        return _page(f"Job {video_id}", body, refresh=job.status == GENERATING)

    def _numbers(self, jobs: list[Job]) -> str:
        ledger = self._account.report()
        done = sum(job.status == DONE for job in jobs)
        numbers = (
            ("credits left", ledger["balance"]["total"]),
            ("charged", ledger["charged"]),
            ("refunded", ledger["refunded"]),
            ("jobs", ledger["jobs"]),
            ("done", done),
            ("running", ledger["running"]),
        )
        items = "".join(f"<div><b>{value:,}</b><span>{name}</span></div>" for name, value in numbers)
        return f"<section class=numbers>{items}</section>"

    def _incidents(self) -> str:
        incidents = self._account.ledger.incidents[-5:]
        lines = "".join(f"<li><b>{escape(i['what'])}</b> {escape(i['detail'])}</li>" for i in incidents)
        return f"<ul class=incidents>{lines}</ul>" if lines else ""

    def _card(self, job: Job, request: Request) -> str:
        now = self._account.clock.now()
        refunded = f" <span class=refund>{job.refunded} refunded</span>" if job.refunded else ""
        return (
            f"<article id='job-{job.video_id}' data-status='{job.shown_status}'>"
            f"{self._screen(job, request, now)}"
            f"<div class=text><h3><a href='/jobs/{job.video_id}'>{_kind(job)}</a>{_badge(job)}</h3>"
            f"<p class=say>{escape(job.order.text)}</p>"
            f"<p class=quiet><code>{job.video_id}</code> &middot; {_age(now - job.created)} &middot; "
            f"{job.charged} credits{refunded}</p>"
            f"<p class='quiet trace'>{escape(job.trace_id)}</p></div></article>"
        )

    def _screen(self, job: Job, request: Request, now: float) -> str:
        clip = job.clip
        if clip is not None:
            url = escape(self._account.media_url(_base(request), job.file_name))
            if job.makes_image:
                return f"<img class=screen src='{url}' alt=''>"
            return f"<video controls loop playsinline preload=metadata src='{url}'></video>"
        if job.status == GENERATING:
            whole = max(job.due - job.created, 0.001)
            share = 0 if job.outcome.ends is None else min(100, round(100 * (now - job.created) / whole))
            return f"<div class='screen busy'><i class=p{share // 5 * 5}></i><span>generating</span></div>"
        return f"<div class=screen><span>{STATUS_NAMES.get(job.status, job.status)}</span></div>"

    def _facts(self, job: Job) -> str:
        clip = job.clip
        submit = self._account.ledger.submits.get(job.trace_id)
        facts = [
            ("image_id" if job.makes_image else "video_id", str(job.video_id)),
            ("status", f"{job.shown_status} {STATUS_NAMES.get(job.shown_status, 'unknown')}"),
            ("Ai-Trace-Id", job.trace_id),
            ("submitted", f"{submit['count']} times, {submit['repeats']} repeats" if submit else "-"),
            ("created", rfc3339(job.created)),
            ("ended", rfc3339(job.ended) if job.ended is not None else "-"),
            ("polled", f"{job.polls} times"),
            ("credits", f"{job.charged} charged, {job.refunded} refunded"),
        ]
        if clip is not None:
            sound = "with sound" if clip.has_audio else "silent"
            length = "" if job.makes_image else f"{clip.seconds:.2f} s, {sound}, "
            facts.append(("file", f"{clip.width} x {clip.height}, {length}{clip.size:,} bytes"))
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts)
        return f"<table>{rows}</table>"

    def _uploads(self, request: Request) -> str:
        uploads = list(reversed(self._account.uploads.values()))[:_SHOWN_UPLOADS]
        if not uploads:
            return ""
        tiles = "".join(self._tile(upload, request) for upload in uploads)
        return f"<h2>Uploads</h2><section class=uploads>{tiles}</section>"

    def _tile(self, upload: Upload, request: Request) -> str:
        url = escape(self._account.media_url(_base(request), upload.file_name))
        shown = {
            "image": f"<img src='{url}' alt=''>",
            "video": f"<video controls preload=metadata src='{url}'></video>",
            "audio": f"<audio controls preload=metadata src='{url}'></audio>",
        }[upload.media_type]
        length = f" &middot; {upload.seconds:.1f} s" if upload.seconds else ""
        return (
            f"<article>{shown}<p class=say>{escape(upload.name or upload.media_type)}</p>"
            f"<p class=quiet><code>{upload.upload_id}</code>{length}</p></article>"
        )


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _kind(job: Job) -> str:
    return escape(job.kind.replace("_", " ").capitalize())


def _badge(job: Job) -> str:
    name = STATUS_NAMES.get(job.shown_status, f"status {job.shown_status}")
    return f"<span class='badge s{job.status}'>{name}</span>"


def _age(seconds: float) -> str:
    if seconds < 60:
        return f"{max(0, int(seconds))} s ago"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    return f"{int(seconds // 3600)} h ago"


def _page(title: str, body: str, *, refresh: bool, status: int = 200) -> Response:
    nonce = secrets.token_urlsafe(16)
    script = f"<script nonce='{nonce}'>{_REFRESH}</script>" if refresh else ""
    slow = "<noscript><meta http-equiv=refresh content=10></noscript>" if refresh else ""
    html = (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><link rel=icon href='data:,'>{slow}"
        f"<style nonce='{nonce}'>{_STYLE}</style></head><body>"
        "<header><a href='/'><span class=dot></span>PixVerse emulator</a>"
        "<small>no key, no credits, nothing leaves this machine</small></header>"
        f"<main>{body}</main>{script}</body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src 'self' data:; media-src 'self'; base-uri 'none'; form-action 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(html, status_code=status, headers=headers)


# A card is replaced only when its job changed, so that a playing video plays on.
_REFRESH: Final = r"""
setInterval(async () => {
  if (document.hidden) return;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer || !answer.ok) return;
  const text = (await answer.text()).replace(/<style[^]*?<\/style>/, '');
  const next = new DOMParser().parseFromString(text, 'text/html');
  const swap = (old, fresh) => {
    if (old && fresh && old.outerHTML !== fresh.outerHTML) old.replaceWith(fresh);
  };
  swap(document.querySelector('.numbers'), next.querySelector('.numbers'));
  const list = document.querySelector('.jobs'), fresh = next.querySelector('.jobs');
  if (!list || !fresh) return;
  const now = new Map([...list.children].map((card) => [card.id, card]));
  [...fresh.children].forEach((card, place) => {
    const shown = now.get(card.id);
    now.delete(card.id);
    const same = shown && shown.dataset.status === card.dataset.status;
    if (same) ['.text', '.busy'].forEach((part) => swap(shown.querySelector(part), card.querySelector(part)));
    const keep = same ? shown : card;
    if (shown && !same) shown.remove();
    if (list.children[place] !== keep) list.insertBefore(keep, list.children[place] || null);
  });
  now.forEach((card) => card.remove());
}, 2000);
"""

_STYLE: Final = (
    """
:root{color-scheme:light dark;--bg:#f5f6fa;--card:#fff;--ink:#1d2433;
--quiet:#68718a;--line:#e3e6ef;--accent:#5b4bdb}
@media (prefers-color-scheme:dark){
:root{--bg:#12141c;--card:#1b1f2b;--ink:#e8ebf4;--quiet:#929bb4;--line:#2b3142;--accent:#9b8cff}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
header{display:flex;gap:16px;align-items:baseline;padding:16px 28px;background:var(--card);
border-bottom:1px solid var(--line)}
header a{font-weight:650;font-size:18px;color:inherit;text-decoration:none}
header small,.quiet{color:var(--quiet)}
.dot{display:inline-block;width:11px;height:11px;border-radius:50%;margin-right:9px;background:var(--accent)}
main{max-width:1180px;margin:0 auto;padding:24px 28px 60px}
h2{font-size:16px;margin:32px 0 12px}
a{color:var(--accent)}
code{font:13px ui-monospace,Menlo,Consolas,monospace}
.numbers{display:flex;flex-wrap:wrap;gap:12px;margin-bottom:24px}
.numbers div{flex:1 1 120px;background:var(--card);border:1px solid var(--line);
border-radius:12px;padding:12px 16px}
.numbers b{display:block;font-size:22px;font-variant-numeric:tabular-nums}
.numbers span{color:var(--quiet);font-size:13px}
.jobs,.uploads{display:grid;grid-template-columns:repeat(auto-fill,minmax(340px,1fr));gap:18px}
.uploads{grid-template-columns:repeat(auto-fill,minmax(220px,1fr))}
.one{grid-template-columns:minmax(0,760px)}
article{background:var(--card);border:1px solid var(--line);border-radius:14px;overflow:hidden}
article video,.screen{display:block;width:100%;aspect-ratio:16/9;background:#0b0d13;object-fit:contain}
.uploads img,.uploads video{display:block;width:100%;aspect-ratio:16/9;object-fit:contain;background:#0b0d13}
.uploads audio{display:block;width:100%;padding:10px}
.uploads p{margin:6px 12px}
.screen{position:relative;display:grid;place-items:center;color:#aab2c8}
.screen i{position:absolute;left:0;bottom:0;height:4px;background:var(--accent);transition:width .6s}
.text{padding:12px 16px 14px}
.text h3{margin:0;font-size:15px;display:flex;gap:10px;align-items:center}
.text h3 a{color:inherit;text-decoration:none}
.text p{margin:6px 0 0;overflow-wrap:anywhere}
.say{display:-webkit-box;-webkit-line-clamp:3;-webkit-box-orient:vertical;overflow:hidden}
.one .say{display:block}
.quiet{font-size:13px}
.trace{font:12px ui-monospace,Menlo,Consolas,monospace}
.badge{font-size:12px;font-weight:600;padding:1px 9px;border-radius:99px;
background:#8a93a833;color:var(--quiet)}
.s1{background:#1d9a5c26;color:#14894f}.s5{background:#c9851626;color:#b0730d}
.s7,.s8{background:#d23b4a24;color:#cc3344}
.refund{color:#14894f}
.incidents{background:#d23b4a18;border:1px solid #d23b4a55;border-radius:12px;padding:12px 16px 12px 34px;
margin:0 0 20px;overflow-wrap:anywhere}
.empty{text-align:center;padding:60px 20px;grid-column:1/-1}
table{border-collapse:collapse;margin-top:20px}
th{text-align:left;font-weight:500;color:var(--quiet);padding:4px 24px 4px 0;vertical-align:top}
td{overflow-wrap:anywhere}
pre{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px;
white-space:pre-wrap;overflow-wrap:anywhere}
"""
    # Style attributes are kept out by the content policy, so each width is a class.
    + "".join(f".p{share}{{width:{share}%}}" for share in range(0, 101, 5))
)
