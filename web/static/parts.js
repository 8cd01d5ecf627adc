// Sends a large file to S3 in parts: each is tried again by itself, and an upload that was broken off,
// even by closing the page, goes on with the parts that S3 lacks (web/routes/parts.py).

const TRIES = 5;
const PAUSE_MS = 2000;
const PASSING = [408, 429]; // Of nginx's refusals those that another try may mend.
const BROKEN = "The connection broke, or the store does not answer. Please try again: what has arrived is not sent again.";

/** A fault that trying again does not mend; `status` is the site's answer, if it was one. */
export class Final extends Error {
    isFinal = true;
    constructor(text, status) {
        super(text);
        this.status = status;
    }
}

/** Resolves to {then, bucket, key}; `report` gets the bytes sent. */
export async function sendInParts(file, choices, address, report, signal) {
    const chosen = new URLSearchParams([...choices].filter(([name]) => !name.startsWith("batch")));
    const memory = `gas-upload:${file.name}:${file.size}:${file.lastModified}:${chosen}`;
    const { upload, done } = (await resumed(memory, address)) ?? (await begun(file, choices, address, memory));
    const count = Math.ceil(file.size / upload.part_bytes);
    let sent = 0;
    for (let number = 1; number <= count; number += 1) {
        const part = file.slice((number - 1) * upload.part_bytes, number * upload.part_bytes);
        if (!done.has(number)) await persist(() => sendPart(`${address}/${upload.token}/${number}`, part, (bytes) => report(sent + bytes), signal), signal);
        sent += part.size;
        report(sent);
    }
    const finished = await persist(() => ask(`${address}/${upload.token}`, { method: "POST", body: withToken(new FormData()) }), signal);
    localStorage.removeItem(memory);
    return finished;
}

/** What is left of an upload that was begun on this machine; null where there is none. */
async function resumed(memory, address) {
    const upload = JSON.parse(localStorage.getItem(memory) ?? "null");
    if (!upload) return null;
    try {
        const { parts } = await ask(`${address}/${upload.token}`);
        return { upload, done: new Set(parts) };
    } catch (fault) {
        if (!fault.isFinal || fault.status === 429) throw fault;
        localStorage.removeItem(memory);
        return null;
    }
}

async function begun(file, choices, address, memory) {
    choices.set("name", file.name);
    choices.set("size", file.size);
    const upload = await ask(address, { method: "POST", body: withToken(choices) });
    localStorage.setItem(memory, JSON.stringify(upload));
    return { upload, done: new Set() };
}

async function sendPart(address, part, report, signal) {
    const { url } = await ask(address).catch((fault) => {
        throw fault.status === 429 ? new Error(fault.message) : fault; // It passes within a minute.
    });
    const { status } = await send("PUT", url, part, report, signal);
    if (status !== 200) throw new Error(`The store refused a part of the file (code ${status}). Please try again.`);
}

/** Resolves to the request once it is answered; `report` gets the bytes sent. */
export function send(method, url, body, report, signal) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        const abort = () => {
            request.abort();
            reject(signal.reason);
        };
        signal.addEventListener("abort", abort, { once: true });
        request.upload.addEventListener("progress", (event) => report(event.loaded));
        request.addEventListener("load", () => resolve(request));
        request.addEventListener("error", () => reject(new Error(BROKEN)));
        request.addEventListener("loadend", () => signal.removeEventListener("abort", abort));
        request.open(method, url);
        request.send(body);
    });
}

/** Waits before another try; rejects at once with the signal's reason when it aborts. */
function pause(milliseconds, signal) {
    return new Promise((resolve, reject) => {
        setTimeout(resolve, milliseconds);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
}

/** Acts until it goes well, with a backoff; `tell` hears of each further try. Final faults end it. */
export async function persist(act, signal, tell = () => {}) {
    for (let tries = 1; ; tries += 1) {
        signal.throwIfAborted();
        try {
            return await act();
        } catch (fault) {
            if (fault.isFinal || tries === TRIES) throw fault;
            tell();
            await pause(PAUSE_MS * tries, signal);
        }
    }
}

function withToken(body) {
    body.set("csrf_token", document.querySelector("input[name=csrf_token]").value);
    return body;
}

/** The site's answer, of JSON; null for a redirect, which is not followed. */
export async function ask(address, options = {}) {
    const reply = await fetch(address, { ...options, headers: { Accept: "application/json" }, redirect: "manual" }).catch(() => {
        throw new Error(BROKEN);
    });
    if (reply.type === "opaqueredirect") return null;
    const text = await reply.clone().text().catch(() => "");
    const body = await reply.json().catch(() => null);
    if (!body) throw inFront(reply, text);
    if (!reply.ok) throw reply.status < 500 ? new Final(body.error, reply.status) : new Error(body.error);
    return body;
}

/** The fault of an answer that is not the site's: nginx has words of its own (aws/stack/nginx.conf). */
function inFront({ status, headers }, text) {
    if (!text || !headers.get("Content-Type")?.startsWith("text/plain")) {
        return new Error(`A machine in front of the site answered with code ${status}. Please try again in a minute.`);
    }
    return status >= 500 || PASSING.includes(status) ? new Error(text) : new Final(text);
}
