// Makes texts comparable: without case and diacritics.

// Letters that Unicode does not take apart into a plain one and a mark.
const PLAIN = { ß: "ss", æ: "ae", œ: "oe", ø: "o", đ: "d", ð: "d", þ: "th", ł: "l", ħ: "h", ı: "i" };
const PLAIN_LETTERS = new RegExp(`[${Object.keys(PLAIN).join("")}]`, "g");

const fold = (words) =>
  words
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(PLAIN_LETTERS, (letter) => PLAIN[letter]);
