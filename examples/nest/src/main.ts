/**
 * Starts the API on Express, or on Fastify with `PLATFORM=fastify`; prints the address when it accepts requests.
 */
import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { Feed, Photos } from "./photos.ts";
import { metadata } from "./protection.ts";

@Module({ controllers: [Photos, Feed] })
class Api {}

const { PORT = "3000", PLATFORM = "express" } = process.env;
const adapter = PLATFORM === "fastify" ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(Api, adapter, { logger: ["error", "warn"] });
app.use(metadata);
app.enableShutdownHooks();
await app.listen(Number(PORT), "127.0.0.1");
console.log(`ready http://127.0.0.1:${PORT}`);
