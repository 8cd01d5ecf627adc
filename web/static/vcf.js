// Looks at the first bytes of a chosen file before anything is sent. Its patterns and its words
// are the server's (vcf/file_type.py), which stand in the page as JSON.

const HEAD_BYTES = 65536;
const CONTIGS_SHOWN = 4;
const table = JSON.parse(document.getElementById("file-types").textContent);
const fileformat = new RegExp(table.fileformat, "i");
const types = table.types.map(({ pattern, refusal, any_case }) => ({ pattern: new RegExp(pattern, any_case ? "i" : ""), refusal }));

/** Resolves to {problem}: why the file is no VCF, or to {about, text}: what is known of it, and its beginning. */
export async function inspect(file) {
    const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
    if (head.length === 0) return { problem: table.empty };
    const packed = head[0] === 0x1f && head[1] === 0x8b;
    if (packed && !("DecompressionStream" in window)) return { about: "compressed" };
    const bytes = packed ? await unpacked(head) : head;
    if (bytes === null) return { problem: table.damaged };
    if (bytes.length === 0) return { problem: table.nothing_inside };
    const start = latin1(bytes.subarray(0, table.text_bytes));
    if (!fileformat.test(start)) return { problem: refusal(start) };
    const text = new TextDecoder().decode(bytes);
    return { about: about(text, packed), text };
}

/** As many bytes as can be unpacked from the beginning of a gzip file; null where none can. */
async function unpacked(head) {
    const reader = new Blob([head]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
    const parts = [];
    try {
        for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
    } catch {
        if (parts.length === 0) return null; // The end of the head cuts the stream: that is no fault.
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** One character for each byte; TextDecoder's "latin1" is windows-1252, which is another. */
function latin1(bytes) {
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function refusal(start) {
    return types.find(({ pattern }) => pattern.test(start))?.refusal ?? table.other;
}

function about(text, packed) {
    const lines = text.split("\n");
    const version = lines[0].replace(/^##fileformat=/i, "").trim();
    const columns = lines.find((line) => line.startsWith("#CHROM"));
    const samples = columns ? Math.max(columns.split("\t").length - 9, 0) : null;
    const facts = [version + (packed ? ", compressed" : "")];
    if (samples !== null) facts.push(["sites only", "1 sample"][samples] ?? `${samples} samples`);
    const contigs = contigsIn(lines);
    if (contigs.length) facts.push(`${contigs.length === 1 ? "contig" : "contigs"} ${contigs.slice(0, CONTIGS_SHOWN).join(", ")}${contigs.length > CONTIGS_SHOWN ? " …" : ""}`);
    return facts.join(" · ");
}

/** The contigs of the records seen; where none were, those of the header. */
function contigsIn(lines) {
    const complete = lines.slice(0, -1);
    const records = complete.filter((line) => line && !line.startsWith("#")).map((line) => line.split("\t", 1)[0]);
    const header = complete.map((line) => /^##contig=<ID=([^,>]+)/.exec(line)?.[1]).filter(Boolean);
    return [...new Set(records.length ? records : header)];
}
