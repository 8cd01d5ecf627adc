// Looks again and again at what a page shows, and says in the page when that is no longer up to date:
// signed out, gone, or a site that does not answer. Pauses in a hidden tab.

import { moment } from "./times.js";

const FIRST_MS = 700; // Most jobs are done within a second of their page being shown.
const MIN_DELAY_MS = 2000;
const MAX_DELAY_MS = 5000; // The page is never further behind, and an unchanged status costs next to nothing.
const GROWTH = 1.4;
const MAX_BACKOFF_MS = 60_000;
const ANSWER_MS = 30_000;
const UNSAID = 2; // Failures in a row: a moment without a network, a release of the site.
const [SIGNED_OUT, GONE] = [401, 404];
const notice = document.getElementById("stale");

/** The answer, also 304. Any other that is no success rejects with its `status`, a redirect with that of the login. */
export async function get(address, headers) {
    const options = { headers, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) };
    const reply = await fetch(address, options);
    const status = reply.type === "opaqueredirect" ? SIGNED_OUT : reply.status;
    if (!reply.ok && status !== 304) throw Object.assign(new Error(`code ${status}`), { status });
    return reply;
}

/** A page of the site, anew; rejects where it lacks the element, as another's page does. */
export async function pageWith(id, address) {
    const reply = await get(address, { Accept: "text/html" });
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    if (!page.getElementById(id)) throw new Error(`no ${id}`);
    return page;
}

/** Have `look` look while `isLive()`, and once when the tab `isBack`; it resolves to true after a change. */
export function follow(look, isLive) {
    let [delay, failures, asOf] = [MIN_DELAY_MS, 0, Date.now()];
    let timer = null;
    let isLooking = false;

    async function turn(isBack) {
        if (!isLive(isBack)) return schedule(delay);
        isLooking = true;
        const fault = await look().then(succeeded, failed);
        isLooking = false;
        if (![SIGNED_OUT, GONE].includes(fault?.status)) schedule(delay);
    }

    function succeeded(hasChanged) {
        delay = hasChanged ? MIN_DELAY_MS : Math.min(delay * GROWTH, MAX_DELAY_MS);
        [failures, asOf] = [0, Date.now()];
        if (notice.hasChildNodes()) say("This page is up to date again.", "visually-hidden");
    }

    function failed(fault) {
        delay = Math.min(delay * 2, MAX_BACKOFF_MS);
        failures += 1;
        tell(fault, failures, asOf);
        return fault;
    }

    function schedule(after) {
        clearTimeout(timer);
        if (!document.hidden) timer = setTimeout(turn, after);
    }

    function wake() {
        clearTimeout(timer);
        delay = MIN_DELAY_MS;
        if (!document.hidden && !isLooking) turn(true);
    }

    document.addEventListener("visibilitychange", wake);
    addEventListener("online", wake);
    schedule(FIRST_MS);
}

/** Say why the page is not up to date, and what to do. */
function tell({ status }, failures, asOf) {
    if (status === SIGNED_OUT) return say("You are signed out, so this page is no longer kept up to date.", "warning", signIn());
    const seen = `What stands here is of ${moment(asOf)}`;
    if (status === GONE) return say(`This job was deleted, or is no longer shown to you. ${seen}.`, "warning");
    if (failures > UNSAID) say(`The site cannot be asked just now. ${seen}; this page goes on trying by itself.`, "warning");
}

/** A link that signs in, and comes back to this page. */
function signIn() {
    const next = new URLSearchParams({ next: location.pathname + location.search });
    return Object.assign(document.createElement("a"), { href: `${notice.dataset.login}?${next}`, textContent: "Sign in and come back here" });
}

/** Put words into the notice; the same words again would be read out again. */
function say(text, className, ...links) {
    if (notice.firstChild?.firstChild.data === text) return;
    const words = Object.assign(document.createElement("p"), { className, textContent: text });
    for (const link of links) words.append(" ", link);
    notice.replaceChildren(words);
}
