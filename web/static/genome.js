// Draws the genome around a variant, once somebody asks for it: igv.js, with the sequence, the
// genes and the job's variants from this site. Buttons move it as well as the mouse.

const SETTLE_MS = 400; // A place is spoken once the picture has come to rest.
const COLOURS = { HIGH: "#a12622", MODERATE: "#7a4b00", LOW: "#22598c" };
const [HERE_COLOUR, OTHER_COLOUR] = ["#e07b00", "#51646e"];

const part = (name) => document.getElementById(`around${name}`);
const [box, show, tools, picture, place, lacks, picked] = ["", "-show", "-tools", "-picture", "-place", "-lacks", "-picked"].map(part);
const { locus, sequence, index, genes, variants, title } = box.dataset;
const most = Number(box.dataset.window);
const number = new Intl.NumberFormat("en-US");
const lacking = new Map();
let browser = null;
let settling = null;
let refusal = null; // The last of the `words` of `ask`, which igv.js does not hand on.

/** The answer; one that is no success rejects with the site's own `words` for it, if it has any. */
async function ask(address, headers) {
    const reply = await fetch(address, { headers: { Accept: "application/json", ...headers } });
    if (reply.ok) return reply;
    refusal = (await reply.json().catch(() => null))?.error;
    throw Object.assign(new Error(String(reply.status)), { words: refusal });
}

/** A file as igv.js reads it. Of an address it would ask igv.org as well, where the site fails. */
function file(name) {
    const read = async (headers) => (await ask(name, headers)).arrayBuffer();
    const slice = (start, end) => ({ arrayBuffer: () => read({ Range: `bytes=${start}-${end - 1}` }) });
    return { name, slice, arrayBuffer: () => read() };
}

/** A track of igv.js. The page says what it lacks, and each move asks for it again. */
function track(name, address, color) {
    const made = { name, type: "annotation", reader: { readFeatures }, visibilityWindow: most, searchable: false, color };

    function lack(words) {
        made.disableCache = Boolean(words);
        lacking.set(name, words);
        const all = [...lacking.values()].join(" ").trim();
        if (lacks.textContent !== all) lacks.textContent = all;
    }

    async function readFeatures(contig, from, end) {
        const start = Math.max(0, Math.floor(from)) + 1;
        const query = new URLSearchParams({ contig, start, stop: Math.min(Math.ceil(end), start + most - 1) });
        try {
            const { features, is_cut: isCut } = await (await ask(`${address}?${query}`)).json();
            lack(isCut ? `${name}: more than can be drawn. Zoom in to see all.` : "");
            return features;
        } catch ({ words }) {
            lack(`${name}: not loaded. ${words ?? "Please wait a minute, then move the picture."}`);
            return [];
        }
    }
    return made;
}

async function draw() {
    const { default: igv } = await import("./vendor/igv.esm.min.js");
    picture.hidden = false;
    browser = await igv.createBrowser(picture, {
        loadDefaultGenomes: false,
        showControls: false, showIdeogram: false, showGearColumn: false, showTrackDragHandles: false, showAxis: false,
        reference: { id: title, name: title, fastaURL: file(sequence), indexURL: file(index), wholeGenomeView: false },
        locus,
        tracks: [track("Genes", genes, "#0b6b6b"), track("Variants", variants, colour)],
    });
    browser.root.style.colorScheme = "light"; // It draws on white.
    browser.on("trackclick", (clicked, _, __, features) => pick(features ?? []));
    browser.on("locuschange", settle);
    tools.hidden = false;
    say();
}

/** The variant of this page stands out; the others go by their impact. */
function colour({ address, impact }) {
    return address === location.pathname ? HERE_COLOUR : (COLOURS[impact] ?? OTHER_COLOUR);
}

/** Name in the page what was clicked on, a variant with a link: igv.js opens no window of its own. */
function pick(features) {
    const found = features.flatMap(({ name, biotype, address, place, says }) => {
        if (!address) return [`${name}, ${biotype}. `];
        const link = Object.assign(document.createElement("a"), { href: address, textContent: place });
        return [link, `${says && ", "}${says}. `];
    });
    picked.replaceChildren(...found);
    return false;
}

function seen() {
    const [, contig, start, stop] = /^(.+):([\d.]+)-([\d.]+)$/.exec(browser.currentLoci());
    return { contig, start: Math.round(start), stop: Math.round(stop) };
}

function say() {
    const { contig, start, stop } = seen();
    place.textContent = `${contig}, ${number.format(start)} to ${number.format(stop)}`;
}

function settle() {
    clearTimeout(settling);
    settling = setTimeout(() => {
        say();
        fill();
    }, SETTLE_MS);
}

/** Asks again for what a track lacks here. */
function fill() {
    for (const each of browser.findTracks(({ name }) => lacking.get(name))) {
        each.clearCachedFeatures();
        each.updateViews();
    }
}

function move(way) {
    if (way === "in") return browser.zoomIn();
    if (way === "out") return browser.zoomOut();
    if (way === "back") return browser.search(locus);
    const { contig, start, stop } = seen();
    const step = Math.ceil((stop - start) / 2);
    const by = way === "left" ? -Math.min(step, start - 1) : step;
    return browser.search(`${contig}:${start + by}-${stop + by}`);
}

show.hidden = false;
show.addEventListener("click", async () => {
    show.disabled = true;
    refusal = null;
    place.textContent = "The picture is being loaded.";
    try {
        await draw();
        show.remove();
        tools.querySelector("button").focus();
    } catch {
        picture.hidden = true;
        show.disabled = false;
        place.textContent = `The picture could not be loaded. ${refusal ?? "Please try again."}`;
    }
});
tools.addEventListener("click", ({ target }) => target.dataset.move && move(target.dataset.move));
document.documentElement.classList.add("scripted");
