// Makes the upload form comfortable: looks at the files first, sends one or several, shows progress
// and the time left, tries again after a broken connection, can be cancelled, and says in place
// what went wrong. Without this script the form works as it stands, for one file.

import { judge } from "./contigs.js";
import { Final, ask, persist, send as transmit, sendInParts } from "./parts.js";
import { span } from "./times.js";
import { inspect } from "./vcf.js";

const element = (id) => document.getElementById(id);
const form = element("upload");
const input = element("file");
const drop = form.querySelector(".drop");
const send = element("send");
const stop = element("stop");
const progress = element("progress");
const bar = element("bar");
const words = element("progress-words");
const problem = element("problem");
const about = element("about");
const choices = element("reference");
const batch = element("batch");

const S3_ERRORS = {
    EntityTooLarge: `The file is larger than the ${form.dataset.plan} plan allows (${form.dataset.maxWords}).`,
    EntityTooSmall: "The file is empty.",
    AccessDenied: "The upload was not allowed: it may have waited for too long. Please try again.",
    RequestTimeout: "The connection was too slow, and the upload was given up. Please try again.",
};
const UNREADABLE = "This file cannot be read any more: it was moved or changed after it was chosen. Please choose it again.";
const CANCELLED = "The upload was cancelled.";
let cancelling = new AbortController();
let sending = false;
const BROKEN_OFF = "gas-batch";
// What a batch that broke off has sent, also before a reload: by file and choices the address that makes the job.
let [batchName, kept] = JSON.parse(sessionStorage.getItem(BROKEN_OFF) ?? '["", []]');
const arrived = new Map(kept);

/** Shows a problem, and the page that helps, if any: {href, words}. */
function say(text, help) {
    problem.textContent = text;
    if (help) problem.append(" ", Object.assign(document.createElement("a"), { href: help.href, textContent: help.words }));
    problem.hidden = !text;
    if (text) problem.scrollIntoView({ block: "nearest" });
}

function units(bytes) {
    const at = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3);
    return `${(bytes / 1000 ** at).toFixed(at ? 1 : 0)} ${["bytes", "kB", "MB", "GB"][at]}`;
}

/** {problem} or {about} of one file. */
async function verdict(file) {
    if (file.size > Number(form.dataset.maxBytes)) {
        return { isTooLarge: true, problem: `This file has ${units(file.size)}; the ${form.dataset.plan} plan allows ${form.dataset.maxWords}.` };
    }
    const found = await inspect(file).catch(() => ({ problem: UNREADABLE }));
    if (found.problem || !found.text) return found;
    const contigs = judge(found.text, choices?.reference?.value);
    return { problem: contigs.problem, about: [found.about, contigs.note].filter(Boolean).join(" · ") };
}

/** True if all of the chosen files may be sent; otherwise the problem is shown. */
async function check() {
    const files = [...input.files];
    const several = files.length > 1;
    about.hidden = true;
    batch.hidden = !several;
    say("");
    if (!files.length) return false;
    const verdicts = await Promise.all(files.map(verdict));
    const problems = files.map((file, i) => verdicts[i].problem && (several ? `${file.name}: ${verdicts[i].problem}` : verdicts[i].problem));
    const plans = form.dataset.plan === "free" && verdicts.some(({ isTooLarge }) => isTooLarge);
    say(problems.filter(Boolean).join("\n"), plans && { href: form.dataset.plans, words: "See the plans" });
    const lines = files.map((file, i) => verdicts[i].about && `${file.name}: ${verdicts[i].about}`).filter(Boolean);
    about.hidden = !lines.length;
    about.replaceChildren(...lines.map((line) => Object.assign(document.createElement("span"), { textContent: line })));
    return !problems.some(Boolean);
}

/** What was chosen for the files, and the batch that they are. */
function choice() {
    const chosen = new FormData(choices ?? undefined);
    if (batchName) chosen.set("batch", batchName);
    if (batchName) chosen.set("batch_size", input.files.length);
    return chosen;
}

/** Sends a file by a fresh form, so that a page left open for hours still works. */
async function sendByForm(file, report) {
    const made = await ask(`${form.dataset.form}?${new URLSearchParams(choice())}`);
    const body = new FormData();
    for (const [name, value] of Object.entries(made.fields)) body.append(name, value);
    body.append("file", file);
    const request = await transmit("POST", made.url, body, report, cancelling.signal);
    if (request.status !== 201) throw refusal(request);
    const xml = new DOMParser().parseFromString(request.responseText, "application/xml");
    const key = xml.querySelector("Key")?.textContent ?? made.fields.key.replace("${filename}", file.name);
    return { then: made.then, bucket: xml.querySelector("Bucket")?.textContent ?? made.bucket, key };
}

/** S3's XML in words for a person; a fault of S3's own may pass. */
function refusal(request) {
    const code = /<Code>([^<]+)<\/Code>/.exec(request.responseText)?.[1] ?? `code ${request.status}`;
    const text = S3_ERRORS[code] ?? `The upload was refused (${code}). Please reload this page and try again.`;
    return request.status >= 500 ? new Error(text) : new Final(text);
}

/** Sends a file; resolves to the address, on this site, that makes a job of it. */
async function upload(file, report) {
    const { then, bucket, key } = await (file.size > Number(form.dataset.partsAbove) ? uploadInParts(file, report) : persistent(file, () => sendByForm(file, report)));
    const address = new URL(then);
    address.searchParams.set("bucket", bucket);
    address.searchParams.set("key", key);
    return address.pathname + address.search;
}

function uploadInParts(file, report) {
    return sendInParts(file, choice(), form.dataset.parts, report, cancelling.signal).catch((fault) => {
        if (cancelling.signal.aborted) fault.message = `${CANCELLED} Choose the file again to go on with it.`;
        throw fault;
    });
}

function persistent(file, act) {
    return persist(act, cancelling.signal, () => (words.textContent = `The connection broke; trying ${file.name} again …`));
}

/** A reporter of one file's progress among all: bytes sent, their share, the time left. */
function reporter(name, before, whole, began) {
    return (loaded) => {
        const sent = before + loaded;
        const percent = Math.floor((sent / Math.max(whole, 1)) * 100);
        const seconds = (performance.now() - began) / 1000;
        const left = seconds > 2 && sent < whole ? `, about ${span((seconds / sent) * (whole - sent))} left` : "";
        bar.value = percent;
        words.textContent = percent < 100 ? `Uploading ${name}: ${units(sent)} of ${units(whole)} (${percent} %${left})` : "Uploaded; checking the file …";
    };
}

/** A name for each file of a selection, the same when it is selected again under the same choices. */
function keysOf(files) {
    const chosen = new URLSearchParams(new FormData(choices ?? undefined));
    const count = {};
    return files.map((file) => {
        const key = `${file.name}:${file.size}:${file.lastModified}:${chosen}`;
        count[key] = (count[key] ?? 0) + 1;
        return `${key}:${count[key]}`;
    });
}

/** Sends one of several files and has its job made; what an earlier try has sent is not sent again. */
async function sendOnce(file, key, report) {
    if (!arrived.has(key)) arrived.set(key, await upload(file, report));
    try {
        await persistent(file, () => ask(arrived.get(key))); // A job that is there already stays the only one.
    } catch (fault) {
        if (![undefined, 401, 429].includes(fault.status)) arrived.delete(key); // The site has deleted it.
        fault.message = `${file.name}: ${fault.message}`;
        throw fault;
    }
}

async function sendAll(files) {
    const whole = files.reduce((sum, file) => sum + file.size, 0);
    const [began, keys] = [performance.now(), keysOf(files)];
    let before = 0;
    for (const [index, file] of files.entries()) {
        const report = reporter(file.name, before, whole, began);
        report(0);
        if (files.length === 1) return upload(file, report);
        try {
            await sendOnce(file, keys[index], report);
        } catch (fault) {
            if (index) fault.message += `\n${index} of the ${files.length} files ${index === 1 ? "has its job" : "have their jobs"} already, and will not be sent again.`;
            throw fault;
        }
        before += file.size;
    }
    return `${form.dataset.list}?${new URLSearchParams({ batch: batchName })}`;
}

function failed(fault) {
    sending = false;
    progress.hidden = true;
    send.hidden = false;
    say(fault.message, fault.status === 401 && { href: form.dataset.login, words: "Sign in" });
    send.focus();
    sessionStorage.setItem(BROKEN_OFF, JSON.stringify([batchName, [...arrived]]));
}

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending || !(await check()) || sending) return;
    send.hidden = true;
    progress.hidden = false;
    sending = true;
    stop.focus();
    cancelling = new AbortController();
    const typed = batch.querySelector("input").value;
    const isAgain = keysOf([...input.files]).some((key) => arrived.has(key));
    batchName = batch.hidden ? "" : typed || (isAgain && batchName) || `${input.files.length} files of ${new Date().toLocaleString()}`;
    try {
        const address = await sendAll([...input.files]);
        sending = false;
        sessionStorage.removeItem(BROKEN_OFF);
        location.assign(address);
    } catch (fault) {
        failed(fault);
    }
});
input.addEventListener("change", check);
choices?.addEventListener("change", check);
stop.addEventListener("click", () => cancelling.abort(new Final(CANCELLED)));
window.addEventListener("beforeunload", (event) => {
    if (sending) event.preventDefault();
});

/** True for files dragged anywhere but onto another field for files, which takes them itself. */
function isOurs(event) {
    const fields = event.target.closest?.("input[type=file]");
    return event.dataTransfer.types.includes("Files") && (!fields || fields === input);
}

for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
        if (!isOurs(event)) return;
        event.preventDefault();
        drop.classList.add("is-over");
    });
}
for (const kind of ["dragleave", "drop"]) document.addEventListener(kind, () => drop.classList.remove("is-over"));
document.addEventListener("drop", (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    input.files = event.dataTransfer.files;
    check();
});
input.multiple = true;
document.documentElement.classList.add("scripted");
