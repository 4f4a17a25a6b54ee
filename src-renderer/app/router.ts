import { createRouter, createWebHashHistory, type RouteRecordRaw } from 'vue-router'
import type { MessageKey } from '../messages/locales.ts'

declare module 'vue-router' {
  interface RouteMeta {
    readonly title?: MessageKey
    /** Which part of it: tabs of one thing are told apart in the browser's history too. */
    readonly part?: MessageKey
    /** The screen of the rail that it belongs to. */
    readonly screen?: 'start' | 'data' | 'studies' | 'settings'
  }
}

const routes: readonly RouteRecordRaw[] = [
  {
    path: '/',
    name: 'start',
    component: () => import('../views/start/StartView.vue'),
    meta: { title: 'screen.start', screen: 'start' },
  },
  {
    path: '/data',
    name: 'data',
    component: () => import('../views/data/DataView.vue'),
    meta: { title: 'screen.data', screen: 'data' },
  },
  {
    path: '/data/:dataset',
    name: 'dataset',
    component: () => import('../views/data/DatasetView.vue'),
    meta: { title: 'screen.data', screen: 'data' },
  },
  {
    path: '/data/:dataset/images',
    name: 'dataset-images',
    component: () => import('../views/data/explorer/ExplorerView.vue'),
    meta: { title: 'screen.data', part: 'data.tabImages', screen: 'data' },
  },
  {
    path: '/data/:dataset/forget',
    name: 'forget-builder',
    component: () => import('../views/data/forget/ForgetBuilderView.vue'),
    meta: { title: 'screen.data', part: 'data.tabForget', screen: 'data' },
  },
  {
    path: '/studies',
    name: 'studies',
    component: () => import('../views/studies/StudiesView.vue'),
    meta: { title: 'screen.studies', screen: 'studies' },
  },
  {
    path: '/studies/new',
    name: 'new-study',
    component: () => import('../views/studies/NewStudyView.vue'),
    meta: { title: 'newStudy.title', screen: 'studies' },
  },
  {
    path: '/studies/:study',
    component: () => import('../views/study/StudyView.vue'),
    meta: { title: 'screen.studies', screen: 'studies' },
    children: [
      { path: '', name: 'study', component: () => import('../views/study/StudyHome.vue') },
      {
        path: 'plan',
        name: 'study-plan',
        component: () => import('../views/study/PlanTab.vue'),
        meta: { part: 'study.tab.plan' },
      },
      {
        path: 'progress',
        name: 'study-progress',
        component: () => import('../views/study/ProgressTab.vue'),
        meta: { part: 'study.tab.progress' },
      },
      {
        path: 'result',
        component: () => import('../views/study/result/ResultTab.vue'),
        meta: { part: 'study.tab.result' },
        children: [
          { path: '', name: 'study-result', component: () => import('../views/study/result/AlignmentSection.vue') },
          {
            path: 'runs',
            name: 'study-runs',
            component: () => import('../views/study/result/RunsSection.vue'),
            meta: { part: 'result.section.study-runs' },
          },
          {
            path: 'statistics',
            name: 'study-statistics',
            component: () => import('../views/study/result/StatisticsSection.vue'),
            meta: { part: 'result.section.study-statistics' },
          },
          {
            path: 'attacks',
            name: 'study-attacks',
            component: () => import('../views/study/result/AttacksSection.vue'),
            meta: { part: 'result.section.study-attacks' },
          },
          {
            path: 'twin',
            name: 'study-twin',
            component: () => import('../views/study/result/TwinSection.vue'),
            meta: { part: 'result.section.study-twin' },
          },
          {
            path: 'images',
            name: 'study-images',
            component: () => import('../views/study/result/ImagesSection.vue'),
            meta: { part: 'result.section.study-images' },
          },
          {
            path: 'cost',
            name: 'study-cost',
            component: () => import('../views/study/result/CostSection.vue'),
            meta: { part: 'result.section.study-cost' },
          },
        ],
      },
    ],
  },
  {
    path: '/settings',
    name: 'settings',
    component: () => import('../views/settings/SettingsView.vue'),
    meta: { title: 'screen.settings', screen: 'settings' },
  },
  { path: '/:rest(.*)*', name: 'lost', component: () => import('../views/NotFoundView.vue') },
]

/** The part behind the `#` holds the view: it works when served, under the desktop's own scheme, and after a reload. */
export const router = createRouter({ history: createWebHashHistory(), routes: [...routes] })
