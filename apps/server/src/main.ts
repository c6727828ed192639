#!/usr/bin/env node
import { runtime } from "#runtime"
import { start } from "./command/start.ts"

await start(runtime)
