import { Bundle } from "@paceline/core/wire"
import { simulateAthlete } from "@paceline/device-bridge/simulator"
const T=1763640000123
let st=7; const rnd=()=>{st=(st+0x6d2b79f5)|0;let t=Math.imul(st^(st>>>15),1|st);t=(t+Math.imul(t^(t>>>7),61|t))^t;return((t^(t>>>14))>>>0)/2**32}
const gauss=()=>Math.sqrt(-2*Math.log(1-rnd()))*Math.cos(2*Math.PI*rnd())
const N=180000
const acc:any={x:[],y:[],z:[],t:[]}
for(let i=0;i<N;i++){const ph=i/50*2.75*2*Math.PI;acc.t.push(T+i*20);const s=Math.max(0,Math.sin(ph))**4
 acc.x.push(Math.round(1000*(0.15*Math.sin(ph/2)+0.3*s*Math.sin(3*ph)+0.06*gauss()))/1000+0)
 acc.y.push(Math.round(1000*(0.25*Math.sin(ph+1)+0.4*s+0.06*gauss()))/1000+0)
 acc.z.push(Math.round(1000*(1+0.9*Math.sin(ph)+0.8*s+0.06*gauss()))/1000+0)}
const sim=simulateAthlete({seed:7,seconds:3600,startedAtMs:T}).streams
const bundles=(secs:number, withAcc:boolean)=>{const out:Bundle.Bundle[]=[];for(let a=0;a<3600;a+=secs){const b:any[]=[];for(const s of sim){let lo=s.atMillis.findIndex(t=>t>=T+a*1000);let hi=s.atMillis.findIndex(t=>t>=T+(a+secs)*1000);if(hi<0)hi=s.atMillis.length;b.push({sensor:s.kind==="heartRate"||s.kind==="rrInterval"?"strap-07":"gps-1",kind:s.kind,atMillis:s.atMillis.slice(lo,hi),values:s.values.slice(lo,hi)})}
 if(withAcc) for(const k of ["x","y","z"]) b.push({sensor:"pod-3",kind:"acceleration"+k.toUpperCase(),atMillis:acc.t.slice(a*50,(a+secs)*50),values:acc[k].slice(a*50,(a+secs)*50)})
 out.push(b)}return out}
for(const [secs,w] of [[5,false],[5,true],[60,false],[300,true]] as const){const bs=bundles(secs,w);let n=0,bytes=0;for(const b of bs){n+=Bundle.sampleCount(b);bytes+=Bundle.encode(b).length}
 for(let r=0;r<3;r++){const c0=process.cpuUsage();for(let k=0;k<(w?1:5);k++)for(const b of bs)Bundle.encode(b);const c=process.cpuUsage(c0);
 const d0=process.cpuUsage();const enc=bs.map(Bundle.encode);const d1=process.cpuUsage();for(const e of enc)Bundle.decode(e);const d=process.cpuUsage(d1);
 if(r===2)console.log(secs,w,"values",n,"B/value",(bytes/n).toFixed(3),"enc M/s",(n*(w?1:5)/(c.user+c.system)).toFixed(2),"dec M/s",(n/(d.user+d.system)).toFixed(2))}}
for(const k of ["X","Y","Z"])console.log("acc",k,Bundle.encode([{sensor:"s",kind:("acceleration"+k) as any,atMillis:acc.t.slice(0,3000),values:acc[k.toLowerCase()].slice(0,3000)}]).length/3000)
const b=bundles(5,false)[100]!;for(const x of b)console.log(x.kind,x.values.length,Bundle.encode([x]).length-12)
console.log(Bundle.encode(b).length, Buffer.from(Bundle.encode(b)).toString("hex"))
