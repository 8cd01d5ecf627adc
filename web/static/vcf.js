// What the first bytes of a chosen file tell, before anything is sent.

const HEAD_BYTES = 65536;
const CONTIGS_SHOWN = 4;

/** Resolves to {problem} in words, or to {about}: what is known of the VCF. */
export async function look(file) {
    const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
    if (head.length === 0) return { problem: "This file is empty. Please choose another one." };
    const packed = head[0] === 0x1f && head[1] === 0x8b;
    const bytes = packed ? await unpacked(head) : head;
    if (bytes === null) return { problem: "This file is not compressed the way its beginning says: it is damaged. Please make it anew." };
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    if (!/^##fileformat=VCF/i.test(text)) return { problem: notVcf(text) };
    return { about: about(text, packed) };
}

/** As many bytes as can be unpacked from the beginning of a gzip file; null where none can. */
async function unpacked(head) {
    if (!("DecompressionStream" in window)) return head;
    const reader = new Blob([head]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
    const parts = [];
    try {
        for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
    } catch {
        if (parts.length === 0) return null; // The end of the head cuts the stream: that is no fault.
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function notVcf(text) {
    if (/^\s*<(!doctype html|html)/i.test(text)) return "This is a web page, not a VCF: the download probably gave you a login or an error page.";
    if (/^\ufeff/.test(text)) return "This text begins with a byte order mark (BOM). Please save it as plain UTF-8, without BOM.";
    if (/^PK/.test(text)) return "This is a zip archive or an Excel file. Please choose the VCF itself.";
    if (/^(BAM|CRAM|BCF)/.test(text)) return `This is a ${text.match(/^[A-Z]+/)[0]} file. Please choose a VCF.`;
    if (/^#CHROM\t/m.test(text)) return "The first line, ##fileformat=VCFv4.2 or the like, is missing. Please put it back.";
    return "This is not a VCF: its first line is not ##fileformat=VCFv4.2 or the like.";
}

function about(text, packed) {
    const lines = text.split("\n");
    const version = lines[0].replace(/^##fileformat=/i, "").trim();
    const columns = lines.find((line) => line.startsWith("#CHROM"));
    const samples = columns ? Math.max(columns.split("\t").length - 9, 0) : null;
    const facts = [version + (packed ? ", compressed" : "")];
    if (samples !== null) facts.push(samples === 1 ? "1 sample" : `${samples} samples`);
    const contigs = contigsIn(lines);
    if (contigs.length) facts.push(`contigs ${contigs.slice(0, CONTIGS_SHOWN).join(", ")}${contigs.length > CONTIGS_SHOWN ? " …" : ""}`);
    return facts.join(" · ");
}

/** The contigs of the records seen; where none were, those of the header. */
function contigsIn(lines) {
    const complete = lines.slice(0, -1);
    const seen = complete.filter((line) => line && !line.startsWith("#")).map((line) => line.split("\t", 1)[0]);
    const told = complete.map((line) => /^##contig=<ID=([^,>]+)/.exec(line)?.[1]).filter(Boolean);
    return [...new Set(seen.length ? seen : told)];
}
