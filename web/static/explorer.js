// Makes the table of variants quick: filters, headings and pages replace it without a reload, the
// counts beside the choices come after the rows. Without this script all of it is links and a form.

const announcement = document.getElementById("announcement");
const number = new Intl.NumberFormat("en-US");
let running = null;

const explorer = () => document.getElementById("explorer");
const words = (total) => `${number.format(total)} ${total === 1 ? "variant matches" : "variants match"}`;

function say(text) {
    announcement.textContent = text;
    document.getElementById("found").textContent = text;
}

/** Show a view; the page stays as it is where the answer is no table. */
async function show(address, isNew) {
    running?.abort();
    running = new AbortController();
    explorer().setAttribute("aria-busy", "true");
    try {
        const reply = await fetch(address, { headers: { Accept: "text/html" }, redirect: "manual", signal: running.signal });
        const page = new DOMParser().parseFromString(await reply.text(), "text/html");
        const fresh = page.getElementById("explorer");
        if (!fresh) return location.assign(address); // An error, or the login: a page of its own.
        if (isNew) history.pushState(null, "", address);
        replace(fresh);
    } catch (fault) {
        if (fault.name === "AbortError") return;
        explorer().removeAttribute("aria-busy");
        return say("The table could not be loaded. Please try again.");
    }
    await count();
}

/** Put in the new table, with focus and open panels as they were. */
function replace(fresh) {
    const old = explorer();
    const focus = document.activeElement?.closest("#explorer") ? signature(document.activeElement) : null;
    for (const panel of old.querySelectorAll("details[open]")) fresh.querySelector(`#${panel.id}`)?.setAttribute("open", "");
    old.replaceWith(fresh);
    if (!focus) return;
    const same = [...fresh.querySelectorAll("a, button, input, summary")].find((element) => signature(element) === focus);
    (same ?? fresh.querySelector(".scroller, .empty a"))?.focus({ preventScroll: true });
}

function signature(element) {
    return [element.tagName, element.name, element.type === "checkbox" && element.value, element.rel, element.textContent.replace(/[▲▼]/, "").trim()].join("|");
}

/** Fill in the counts, which cost more than the rows. */
async function count() {
    const box = explorer();
    const found = box.querySelector("#found").textContent.trim();
    if (!("uncounted" in box.dataset)) return say(found);
    const signal = running?.signal;
    const counts = await counted(box, signal).catch(() => null);
    if (signal?.aborted || box !== explorer()) return; // Another view is on its way, or here.
    if (!counts) return say(`${found}; how many match in all could not be counted.`);
    for (const element of box.querySelectorAll(".count")) {
        const { facet, value } = element.dataset;
        element.textContent = number.format(counts.facets[facet]?.[value] ?? 0);
    }
    say(words(counts.total));
}

async function counted(box, signal) {
    const query = new URLSearchParams(location.search);
    for (const name of ["after", "before", "sort", "columns"]) query.delete(name);
    const reply = await fetch(`${box.dataset.counts}?${query}`, { headers: { Accept: "application/json" }, signal });
    return reply.ok ? reply.json() : null;
}

/** The address of the form's view, without what is empty or as usual. */
function addressOf(form) {
    const query = new URLSearchParams();
    const columns = [];
    for (const [name, value] of new FormData(form)) {
        if (name === "columns") columns.push(value);
        else if (value.trim()) query.append(name, value.trim());
    }
    const boxes = [...form.querySelectorAll("input[name=columns]")];
    const isChanged = boxes.some((box) => box.checked !== box.defaultChecked);
    const before = new URLSearchParams(location.search).get("columns");
    if (isChanged && columns.length) query.set("columns", columns.join(","));
    else if (before) query.set("columns", before);
    return `${form.getAttribute("action")}${query.size ? `?${query}` : ""}`;
}

document.addEventListener("click", (event) => {
    const link = event.target.closest("#explorer a[data-view]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    show(link.href, true);
});
document.addEventListener("submit", (event) => {
    if (event.target.id !== "filters") return;
    event.preventDefault();
    show(addressOf(event.target), true);
});
document.addEventListener("change", (event) => {
    if (event.target.type === "checkbox" && event.target.form?.id === "filters") show(addressOf(event.target.form), true);
});
addEventListener("popstate", () => show(location.href, false));
document.documentElement.classList.add("scripted");
count();
