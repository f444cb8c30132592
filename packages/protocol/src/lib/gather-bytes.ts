/**
 * Puts a body together as its pieces come.
 *
 * RFC 9112 §7.1: a sender may cut a body into pieces of one byte, and each piece that is kept by itself costs two hundred (CWE-400).
 * Guarantees at most about twice the memory of what came, however it was cut; a body in one piece is not copied.
 */

export interface GatheredBytes {
  add(piece: Uint8Array): void;
  /** How many bytes there are. */
  size(): number;
  whole(): Uint8Array;
}

/** Starts with nothing. */
export function gatherBytes(): GatheredBytes {
  let bytes = new Uint8Array() as Uint8Array;
  let size = 0;
  return {
    add(piece) {
      const length = size + piece.byteLength;
      if (size === 0) bytes = piece;
      else if (piece.byteLength > 0) {
        // The first piece is somebody else's memory and exactly full: it is copied before anything is written.
        if (length > bytes.byteLength) {
          const room = new Uint8Array(Math.max(length, 2 * bytes.byteLength));
          room.set(bytes.subarray(0, size));
          bytes = room;
        }
        bytes.set(piece, size);
      }
      size = length;
    },
    size: () => size,
    whole: () => (bytes.byteLength === size ? bytes : bytes.subarray(0, size)),
  };
}
