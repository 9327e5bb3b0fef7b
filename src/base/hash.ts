// FNV-1a over UTF-8 bytes: names a row of data by its id, the same here and in native/base/hash.h.

const offsetBasis = 14695981039346656037n;
const prime = 1099511628211n;
const mask = 0xffffffffffffffffn;

/** The 64-bit FNV-1a hash of a text's UTF-8 bytes. */
export function fnv1a64(text: string): bigint {
  let hash = offsetBasis;
  for (const byte of new TextEncoder().encode(text)) hash = ((hash ^ BigInt(byte)) * prime) & mask;
  return hash;
}
