/** Signs in, comes back, signs out: `/auth/*`. */
export { GET, POST } from "../../../auth.ts";
