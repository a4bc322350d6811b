// Reads the data of the page: blocks in base64, most of them deflated, each decoded once and when it is asked for.

const meta = JSON.parse(byId("meta").textContent);

const ARRAYS = { int8: Int8Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array };
const decoded = new Map();

/** A promise of a block: an array of numbers, of lines, or a text. */
function block(name) {
  if (!decoded.has(name)) decoded.set(name, decode(name));
  return decoded.get(name);
}

const blocks = (...names) => Promise.all(names.map(block));
const hasBlock = (name) => name in meta.kinds;

async function decode(name) {
  const holder = byId(`block:${name}`);
  const content = holder.textContent;
  holder.remove(); // the decoded form is all that is needed from here on
  const kind = meta.kinds[name];
  if (kind === "text") return content;
  const bytes = await inflated(fromBase64(content));
  if (kind !== "lines") return new ARRAYS[kind](bytes);
  return new TextDecoder().decode(bytes).split("\n").slice(0, -1); // every line ends with a break
}

function fromBase64(content) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(content);
  const raw = atob(content);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

const inflated = (bytes) =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();

/** Where each row starts, and the last one ends, in an array that holds rows of the given lengths. */
function starts(lengths) {
  const at = new Uint32Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i++) at[i + 1] = at[i] + lengths[i];
  return at;
}
