/** Says whose tokens /api/v1 takes (RFC 9728); pages elsewhere may ask beforehand. */
export { metadata as GET, metadata as OPTIONS } from "../../../../protection.ts";
