/**
 * A controller whose every method needs a token, and one of them a better one.
 */
import { Body, Controller, Get, Post } from "@nestjs/common";
import type { Token as AccessToken } from "@valetkey/resource/nest";
import { RequireOAuth, Token } from "./protection.ts";

@Controller("v1/photos")
@RequireOAuth("photos:read")
export class Photos {
  @Get()
  list(@Token() token: AccessToken) {
    return { sub: token.sub, scope: token.scope };
  }

  @Post()
  @RequireOAuth("photos:write", { dpop: "required" })
  add(@Token() token: AccessToken, @Body() photo: unknown) {
    return { sub: token.sub, photo };
  }
}

@Controller("v1/feed")
export class Feed {
  @Get()
  @RequireOAuth({ optional: true })
  read(@Token() token: AccessToken | undefined) {
    return { sub: token?.sub ?? null };
  }
}
