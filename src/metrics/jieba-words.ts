// Words as the Python package jieba 0.42.1 cuts them, by jieba-rs and its dictionary. Two things are done here because jieba-rs does them
// otherwise: which characters form a block, and how a run of letters, digits and signs is cut ("GPT-2" is three words).

/** Cuts a text into words; every character, white space too, is in one of them. */
export type WordCutter = (text: string) => string[];

let loading: Promise<WordCutter> | null = null;

/** Loads the dictionary (5 MB) once, when words are first needed. */
export function loadJieba(): Promise<WordCutter> {
  loading ??= open();
  return loading;
}

async function open(): Promise<WordCutter> {
  const { Jieba } = await import("@node-rs/jieba");
  const { dict } = await import("@node-rs/jieba/dict.js");
  const jieba = Jieba.withDict(dict);
  return (text) => cutText(text, (block) => jieba.cut(block, true));
}

/** What jieba looks up in its dictionary at a time; all else is a word of one character each. */
const block = /[\u4e00-\u9fd5a-zA-Z0-9+#&._%-]+/gu;

function cutText(text: string, cutBlock: WordCutter): string[] {
  const words: string[] = [];
  let end = 0;
  for (const match of text.matchAll(block)) {
    words.push(...singleCharacters(text.slice(end, match.index)), ...recutSigns(cutBlock(match[0])));
    end = match.index + match[0].length;
  }
  words.push(...singleCharacters(text.slice(end)));
  return words;
}

/** Code points; only a Windows line end is kept together. */
function singleCharacters(text: string): string[] {
  return text.match(/\r\n|./gsu) ?? [];
}

/** All of the dictionary without a Chinese character in it. */
const latinWords: readonly string[] = ["AT&T", "c#", "C#", "c++", "C++"];
const latin = /^[a-zA-Z0-9+#&._%-]+$/;

/** Joins neighbours without a Chinese character and cuts them anew, as jieba's finalseg does. */
function recutSigns(words: readonly string[]): string[] {
  const cut: string[] = [];
  let run = "";
  const flush = (): void => {
    cut.push(...run.split(/([a-zA-Z0-9]+(?:\.\d+)?%?)/).filter((piece) => piece !== ""));
    run = "";
  };
  for (const word of words) {
    if (latin.test(word) && !latinWords.includes(word)) {
      run += word;
      continue;
    }
    flush();
    cut.push(word);
  }
  flush();
  return cut;
}
