// Tells whether the contigs in the first lines of a VCF belong to a genome that is installed: the
// rules and the words of vcf/contig_check.py, whose data stand in the page as JSON.

const table = JSON.parse(document.getElementById("contig-check").textContent);
const CONTIG = /^##contig=<(?:.*?,)?ID=([^,>]+)/;
const LENGTH = /[,<]length=(\d{1,15})/;

/** {records, header, isWhole}: see SeenContigs. */
function seen(text) {
    const lines = text.split(/\r?\n/).slice(0, -1);
    const header = new Map();
    for (const line of lines) {
        const match = CONTIG.exec(line);
        if (match) header.set(match[1], LENGTH.test(line) ? Number(LENGTH.exec(line)[1]) : null);
    }
    const records = lines.filter((line) => line && !line.startsWith("#")).map((line) => line.split("\t", 1)[0]);
    return { names: [...new Set([...records, ...header.keys()])], header, isWhole: lines.some((line) => line.startsWith("#CHROM")) };
}

/** {problem} or {note}, for the genome chosen, or of all the one with most of the contigs. */
export function judge(text, chosen) {
    const contigs = seen(text);
    const genomes = table.genomes.filter(({ name }) => !chosen || name === chosen);
    if (!contigs.names.length || !genomes.length) return {};
    const best = genomes.reduce((a, b) => (known(contigs, b).length > known(contigs, a).length ? b : a));
    const names = known(contigs, best);
    const unknown = contigs.names.filter((name) => !names.includes(name));
    if (names.length) return { note: words(unknown.length ? "part" : "whole", { genome: best.name, known: some(names), unknown: some(unknown) }) };
    if (!contigs.isWhole || !contigs.header.size) return {};
    return { problem: other(contigs, genomes) ?? words("none", { found: some(contigs.names), genomes: genomes.map((g) => `${g.name} (${g.title})`).join("; ") }) };
}

function known({ names, header }, { lengths }) {
    return names.filter((name) => Object.hasOwn(lengths, name) && [null, undefined, lengths[name]].includes(header.get(name)));
}

function other({ header }, genomes) {
    for (const [name, length] of header) {
        const genome = genomes.find(({ lengths }) => length !== null && Object.hasOwn(lengths, name));
        if (genome) return words("other", { name, length: number(length), genome: genome.name, expected: number(genome.lengths[name]) });
    }
}

function words(kind, values) {
    return table.words[kind].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function number(value) {
    return value.toLocaleString("en-US");
}

function some(names) {
    return names.slice(0, table.shown).join(", ") + (names.length > table.shown ? ", …" : "");
}
