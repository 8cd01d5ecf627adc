// Looks at the first bytes of a chosen file before anything is sent. Its patterns and its words
// are the server's (vcf/file_type.py), which stand in the page as JSON.

const HEAD_BYTES = 65536;
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
    return facts.join(" · ");
}
